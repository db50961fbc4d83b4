// Where the console is: `#/orders?status=on_hold&open=web/1001`. Behind the # nothing is sent to
// any server, so a search for a customer's name stays out of logs.

import { type RefObject, useEffect, useRef, useSyncExternalStore } from "react";

export interface Route {
  page: string;
  params: URLSearchParams;
}

function read(): Route {
  const [page = "", text = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { page: page || "now", params: new URLSearchParams(text) };
}

let now = read();
const heard = new Set<() => void>();

window.addEventListener("hashchange", () => {
  now = read();
  for (const tell of heard) tell();
});

const follow = (tell: () => void) => {
  heard.add(tell);
  return () => heard.delete(tell);
};

export const useRoute = (): Route => useSyncExternalStore(follow, () => now);

export const href = (page: string, params: Record<string, string> = {}): string => {
  const text = new URLSearchParams(Object.entries(params).filter(([, value]) => value)).toString();
  return `#/${page}${text && `?${text}`}`;
};

export function go(page: string, params: Record<string, string> = {}): void {
  location.hash = href(page, params);
}

/** Change some parameters of the page that is shown; an empty one goes. */
export function patch(changes: Record<string, string>, options: { replace?: boolean } = {}): void {
  const next = href(now.page, { ...Object.fromEntries(now.params), ...changes });
  if (!options.replace) location.hash = next;
  else {
    history.replaceState(null, "", next);
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  }
}

/** A row of places of which the chosen one is brought into sight, where not all have room. */
export function useInSight<T extends HTMLElement>(chosen: string): RefObject<T | null> {
  const row = useRef<T>(null);
  useEffect(() => {
    const it = row.current?.querySelector("[aria-current=page], [aria-pressed=true]");
    it?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [chosen]);
  return row;
}
