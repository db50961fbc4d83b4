// Who is in: somebody who signed in (a cookie that scripts cannot read), or a key of this tab; and
// what is open to either.

import { createContext, useContext, useSyncExternalStore } from "react";
import { call, get, hasKey, setKey, setSigned } from "./api";
import { t, word } from "./i18n";
import type { Session } from "./people";

const NOBODY: Session = {
  kind: "nobody",
  may: [],
  user: null,
  role: null,
  password_due: false,
  first_admin: false,
};
const LOOK_MS = 60_000;
export const ROLES = ["viewer", "operator", "planner", "admin"];
export const SCOPES = ["read", "sell", "stock", "plan", "admin"];
/** The lowest role that opens a scope. */
const ROLE_OF: Record<string, string> = {
  read: "viewer",
  sell: "operator",
  stock: "operator",
  plan: "planner",
  admin: "admin",
};

let session: Session | null = null;
const heard = new Set<() => void>();

function set(next: Session | null): void {
  session = next;
  setSigned(next?.kind === "user");
  if (next?.kind !== "user" && !hasKey()) window.dispatchEvent(new Event("dibs:leave"));
  for (const tell of heard) tell();
}

const follow = (tell: () => void) => {
  heard.add(tell);
  return () => heard.delete(tell);
};

/** Who is in; null until the server has said so. */
export const useSession = (): Session | null => useSyncExternalStore(follow, () => session);

/** Ask the server who is in. */
export async function look(): Promise<Session> {
  const found = await get<Session>("v1/session");
  if (found.kind === "nobody") setKey("");
  if (JSON.stringify(found) !== JSON.stringify(session)) set(found);
  return found;
}

// The server counts a page that is looked at as somebody who is there; and another role, or a
// session that was ended elsewhere, shows within a minute.
window.setInterval(() => {
  if (session && session.kind !== "nobody" && !document.hidden) void look().catch(() => {});
}, LOOK_MS);

export async function signIn(user: string, password: string): Promise<void> {
  setKey("");
  set(await call<Session>("POST", "v1/session", { user, password }));
}

export async function signOut(): Promise<void> {
  if (session?.kind === "user") await call("DELETE", "v1/session");
  setKey("");
  set(NOBODY);
}

export async function makeFirstAdmin(code: string, user: string, password: string): Promise<void> {
  set(await call<Session>("POST", "v1/first-admin", { code, user, password }));
}

export async function changePassword(password: string, fresh: string): Promise<void> {
  const body = { password, new_password: fresh };
  set(await call<Session>("POST", "v1/session/password", body));
}

/** The server knows the key or the session no more. */
export function ended(): void {
  setKey("");
  set(NOBODY);
}

/** The scope that the actions of a page need, unless an action says otherwise. */
export const Needs = createContext("");

/** Why somebody may not do what needs a scope; "" if it is open. */
export function useLack(scope?: string): string {
  const page = useContext(Needs);
  const who = useSession();
  const needed = scope ?? page;
  if (!needed || !who || who.kind === "nobody" || who.may.includes(needed)) return "";
  return who.kind === "key"
    ? t("may.key", { scope: needed })
    : t("may.user", {
        role: word("role", who.role ?? ""),
        needed: word("role", ROLE_OF[needed] ?? "admin"),
      });
}
