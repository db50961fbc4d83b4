// Who is in, at the top right: role, own password and sessions, and out.

import { useEffect, useRef, useState } from "react";
import { t, word } from "../lib/i18n";
import { useKeys } from "../lib/keys";
import { href } from "../lib/route";
import { signOut, useSession } from "../lib/session";
import { Icon } from "./icon";
import { attempt } from "./toast";

function Menu({ onClose }: { onClose: () => void }) {
  const session = useSession();
  const first = useRef<HTMLAnchorElement>(null);
  useKeys({ Escape: onClose });
  useEffect(() => first.current?.focus(), []);
  const person = session?.kind === "user";
  return (
    <div className="menu">
      <p className="soft">
        {person ? word("role", session.role ?? "") : t("me.key")}
        {session && !person && `: ${session.may.join(", ")}`}
      </p>
      <a ref={first} href={href("settings", { tab: person ? "me" : "" })} onClick={onClose}>
        {t(person ? "me.account" : "nav.settings")}
      </a>
      <button type="button" onClick={() => void attempt(signOut)}>
        {t(person ? "me.sign_out" : "settings.leave")}
      </button>
    </div>
  );
}

export function Me() {
  const session = useSession();
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const away = (event: MouseEvent) => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("click", away);
    return () => document.removeEventListener("click", away);
  }, []);
  if (!session) return null;
  const name = session.kind === "user" ? (session.user ?? "") : t("me.key");
  return (
    <div className="me" ref={box}>
      <button
        type="button"
        className="icon"
        aria-expanded={open}
        aria-label={`${t("me.title")}: ${name}`}
        title={name}
        onClick={() => setOpen(!open)}
      >
        <Icon name="user" /> <span>{name}</span>
      </button>
      {open && <Menu onClose={() => setOpen(false)} />}
    </div>
  );
}
