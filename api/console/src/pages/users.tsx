// Users and their roles: for admins.

import { useState } from "react";
import { call, get, path } from "../lib/api";
import { t, word } from "../lib/i18n";
import { useLoad } from "../lib/load";
import { ROLES, useSession } from "../lib/session";
import type { User } from "../lib/people";
import { Ago, Choice, Doing, Empty, Field, Skeleton, Trouble } from "../ui/bits";
import { attempt, said } from "../ui/toast";

const roles = (): [string, string][] => ROLES.map((role) => [role, word("role", role)]);

/** A secret that is shown once: nobody can ask for it again. */
export function Once(props: { title: string; text: string; how: string; onDone: () => void }) {
  return (
    <div className="once" role="status">
      <p>{props.title}</p>
      <p>
        <code>{props.text}</code>
      </p>
      <p className="soft">{props.how}</p>
      <div className="row">
        <button
          type="button"
          onClick={() =>
            void navigator.clipboard.writeText(props.text).then(() => said(t("once.copied")))
          }
        >
          {t("once.copy")}
        </button>
        <button type="button" onClick={props.onDone}>
          {t("once.done")}
        </button>
      </div>
    </div>
  );
}

function Fresh(props: { onDone: (made: User) => void; onCancel: () => void }) {
  const [user, setUser] = useState("");
  const [role, setRole] = useState("viewer");
  return (
    <Doing
      title={t("user.new")}
      action={t("user.add")}
      ready={user.trim() !== ""}
      onCancel={props.onCancel}
      onDo={async () => {
        const name = user.trim().toLowerCase();
        props.onDone(await call<User>("PUT", path("users", name), { role }));
      }}
    >
      <div className="pair">
        <Field label={t("user.user")} hint={t("door.user_how")}>
          <input
            value={user}
            maxLength={64}
            autoCapitalize="none"
            spellCheck={false}
            onChange={(event) => setUser(event.target.value)}
          />
        </Field>
        <Field label={t("user.role")} hint={word("role_how", role)}>
          <Choice value={role} options={roles()} onChange={setRole} />
        </Field>
      </div>
    </Doing>
  );
}

function Row(props: {
  it: User;
  onRole: (role: string) => void;
  onReset: () => void;
  onRemove: () => void;
}) {
  const { it } = props;
  const me = useSession()?.user === it.user;
  const [sure, setSure] = useState(false);
  return (
    <tr>
      <td>
        <b>{it.user}</b> {me && <span className="soft">({t("user.you")})</span>}
        {it.password_until && <div className="warn">{t("user.temporary")}</div>}
      </td>
      <td>
        <select
          value={it.role}
          aria-label={`${t("user.role")}: ${it.user}`}
          onChange={(event) => props.onRole(event.target.value)}
        >
          {roles().map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </td>
      <td>{it.sessions ?? 0}</td>
      <td>
        <Ago at={it.created_at} />
      </td>
      <td className="acts">
        {sure ? (
          <>
            <button type="button" className="danger" autoFocus onClick={props.onRemove}>
              {t("user.remove_sure", { user: it.user })}
            </button>
            <button type="button" onClick={() => setSure(false)}>
              {t("act.leave")}
            </button>
          </>
        ) : (
          <>
            <button
              type="button"
              aria-label={`${t("user.reset")}: ${it.user}`}
              onClick={props.onReset}
            >
              {t("user.reset")}
            </button>
            <button
              type="button"
              aria-label={`${t("user.remove")}: ${it.user}`}
              onClick={() => setSure(true)}
            >
              {t("user.remove")}
            </button>
          </>
        )}
      </td>
    </tr>
  );
}

export function Users() {
  const found = useLoad("users", (signal) => get<{ users: User[] }>("v1/users", signal));
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<User | null>(null);
  const users = found.value?.users;
  const tell = (user: User) => {
    setAdding(false);
    setMade(user.password ? user : null);
    found.again();
  };
  const put = (user: string, role: string) => call<User>("PUT", path("users", user), { role });
  const change = (it: User, role: string) =>
    attempt(async () => {
      await put(it.user, role);
      found.again();
      said(t("user.changed", { user: it.user, role: word("role", role) }), async () => {
        await put(it.user, it.role);
        found.again();
      });
    });
  const reset = (it: User) =>
    attempt(async () => tell(await call<User>("POST", path("users", it.user, "reset"), {})));
  const remove = (it: User) =>
    attempt(async () => {
      await call("DELETE", path("users", it.user));
      said(t("user.removed", { user: it.user }));
      found.again();
    });
  return (
    <section className="card">
      <h2>{t("user.title")}</h2>
      {made && (
        <Once
          title={t("user.once", { user: made.user })}
          text={made.password ?? ""}
          how={t("user.once_how")}
          onDone={() => setMade(null)}
        />
      )}
      {adding ? (
        <Fresh onDone={tell} onCancel={() => setAdding(false)} />
      ) : (
        <button type="button" className="primary" onClick={() => setAdding(true)}>
          {t("user.new")}
        </button>
      )}
      {found.error && <Trouble error={found.error} again={found.again} />}
      {!users && !found.error && <Skeleton />}
      {users?.length === 0 && <Empty title={t("user.none")} />}
      {!!users?.length && (
        <div className="wide">
          <table>
            <thead>
              <tr>
                <th>{t("user.user")}</th>
                <th>{t("user.role")}</th>
                <th>{t("session.title")}</th>
                <th>{t("user.since")}</th>
                <th>
                  <span className="hidden">{t("user.remove")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {users.map((it) => (
                <Row
                  key={it.user}
                  it={it}
                  onRole={(role) => void change(it, role)}
                  onReset={() => void reset(it)}
                  onRemove={() => void remove(it)}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

/** What each role may do, as a table. */
export function Roles() {
  return (
    <section className="card">
      <h2>{t("user.roles")}</h2>
      <dl className="facts">
        {ROLES.map((role) => (
          <div key={role}>
            <dt>{word("role", role)}</dt>
            <dd>{word("role_how", role)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
