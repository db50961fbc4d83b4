// One's own account: the password and the sessions; for an admin, everybody's sessions.

import { useState } from "react";
import { call, get, path } from "../lib/api";
import { t } from "../lib/i18n";
import { useLoad } from "../lib/load";
import { changePassword, useSession } from "../lib/session";
import type { SessionRow } from "../lib/people";
import { Ago, Doing } from "../ui/bits";
import { Secret } from "../ui/door";
import { Listed } from "../ui/listed";
import { attempt, said } from "../ui/toast";

function Password() {
  const [open, setOpen] = useState(false);
  if (!open)
    return (
      <button type="button" onClick={() => setOpen(true)}>
        {t("me.change")}
      </button>
    );
  return (
    <Doing
      title={t("me.change")}
      action={t("own.set")}
      onCancel={() => setOpen(false)}
      onDo={async () => {
        const form = new FormData(document.querySelector<HTMLFormElement>("form.doing")!);
        await changePassword(String(form.get("password")), String(form.get("fresh")));
        said(t("me.changed"));
        setOpen(false);
      }}
    >
      <Secret label={t("me.until_now")} name="password" complete="current-password" />
      <Secret
        label={t("own.fresh")}
        name="fresh"
        complete="new-password"
        hint={t("door.password_how")}
      />
    </Doing>
  );
}

/** A browser by the part of its name that people know. */
function browserOf(agent: string): string {
  const found = /(Edg|OPR|Firefox|Chrome|Safari)\w*\/(\d+)/.exec(agent);
  return found ? `${found[1]!.replace("Edg", "Edge").replace("OPR", "Opera")} ${found[2]}` : agent;
}

export function Sessions() {
  const found = useLoad("sessions", (signal) =>
    get<{ sessions: SessionRow[] }>("v1/sessions", signal),
  );
  const end = (row: SessionRow) =>
    attempt(async () => {
      await call("DELETE", path("sessions", row.session));
      said(t("session.ended", { user: row.user }));
      found.again();
    });
  return (
    <Listed
      found={found}
      rows={(value) => value.sessions}
      heads={[t("user.user"), t("session.seen"), t("session.ends"), t("session.where")]}
      acts={t("session.end")}
    >
      {(row) => (
        <tr key={row.session}>
          <td>{row.user}</td>
          <td>
            <Ago at={row.seen_at} />
          </td>
          <td>
            <Ago at={row.ends_at} />
          </td>
          <td title={row.agent}>
            {browserOf(row.agent)} · {row.address}
          </td>
          <td className="acts">
            {row.current ? (
              <span className="soft">{t("session.this")}</span>
            ) : (
              <button
                type="button"
                aria-label={`${t("session.end")}: ${row.user}`}
                onClick={() => void end(row)}
              >
                {t("session.end")}
              </button>
            )}
          </td>
        </tr>
      )}
    </Listed>
  );
}

export function Account() {
  const session = useSession();
  return (
    <>
      {session?.kind === "user" && (
        <section className="card">
          <h2>{session.user}</h2>
          <Password />
        </section>
      )}
      <section className="card">
        <h2>{t("session.title")}</h2>
        <Sessions />
      </section>
    </>
  );
}
