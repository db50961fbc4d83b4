// Users and their roles: for admins.

import { useState } from "react";
import { call, get, path } from "../lib/api";
import { t, word } from "../lib/i18n";
import { useLoad } from "../lib/load";
import { ROLES, useSession } from "../lib/session";
import type { User } from "../lib/people";
import { Ago, Choice, Doing, Field } from "../ui/bits";
import { Listed, Once, Sure } from "../ui/listed";
import { attempt, said } from "../ui/toast";

const roles = (): [string, string][] => ROLES.map((role) => [role, word("role", role)]);

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
        <button type="button" aria-label={`${t("user.reset")}: ${it.user}`} onClick={props.onReset}>
          {t("user.reset")}
        </button>
        <Sure
          label={t("user.remove")}
          of={it.user}
          sure={t("user.remove_sure", { user: it.user })}
          onDo={props.onRemove}
        />
      </td>
    </tr>
  );
}

export function Users() {
  const found = useLoad("users", (signal) => get<{ users: User[] }>("v1/users", signal));
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<User | null>(null);
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
      <Listed
        found={found}
        rows={(value) => value.users}
        heads={[t("user.user"), t("user.role"), t("session.title"), t("user.since")]}
        acts={t("user.remove")}
        none={t("user.none")}
      >
        {(it) => (
          <Row
            key={it.user}
            it={it}
            onRole={(role) => void change(it, role)}
            onReset={() => void reset(it)}
            onRemove={() => void remove(it)}
          />
        )}
      </Listed>
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
