// API keys: for programs; made, shown once, revoked.

import { useState } from "react";
import { call, get, path } from "../lib/api";
import { t, word } from "../lib/i18n";
import { useLoad } from "../lib/load";
import { SCOPES } from "../lib/session";
import type { ApiKey } from "../lib/people";
import { Ago, Doing, Field } from "../ui/bits";
import { Listed, Once, Sure } from "../ui/listed";
import { attempt, said } from "../ui/toast";

function Fresh(props: { onDone: (made: ApiKey) => void; onCancel: () => void }) {
  const [label, setLabel] = useState("");
  const [scopes, setScopes] = useState<string[]>(["read"]);
  const turn = (scope: string, on: boolean) =>
    setScopes(on ? [...scopes, scope] : scopes.filter((other) => other !== scope));
  return (
    <Doing
      title={t("key.new")}
      action={t("key.make")}
      ready={label.trim() !== "" && scopes.length > 0}
      onCancel={props.onCancel}
      onDo={async () =>
        props.onDone(await call<ApiKey>("POST", "v1/keys", { label: label.trim(), scopes }))
      }
    >
      <Field label={t("key.label")} hint={t("key.label_how")}>
        <input value={label} maxLength={64} onChange={(event) => setLabel(event.target.value)} />
      </Field>
      {SCOPES.map((scope) => (
        <label className="check" key={scope}>
          <input
            type="checkbox"
            checked={scopes.includes(scope)}
            onChange={(event) => turn(scope, event.target.checked)}
          />
          {scope}: {word("scope", scope)}
        </label>
      ))}
    </Doing>
  );
}

export function ApiKeys() {
  const found = useLoad("keys", (signal) => get<{ keys: ApiKey[] }>("v1/keys", signal));
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<ApiKey | null>(null);
  const revoke = (it: ApiKey) =>
    attempt(async () => {
      await call("DELETE", path("keys", it.key));
      said(t("key.is_revoked", { label: it.label }));
      found.again();
    });
  return (
    <section className="card">
      <h2>{t("key.title")}</h2>
      {made && (
        <Once
          title={t("key.once", { label: made.label })}
          text={made.token ?? ""}
          how={t("key.once_how")}
          onDone={() => setMade(null)}
        />
      )}
      {adding ? (
        <Fresh
          onCancel={() => setAdding(false)}
          onDone={(key) => {
            setAdding(false);
            setMade(key);
            found.again();
          }}
        />
      ) : (
        <button type="button" className="primary" onClick={() => setAdding(true)}>
          {t("key.new")}
        </button>
      )}
      <Listed
        found={found}
        rows={(value) => value.keys}
        heads={[t("key.label"), t("key.scopes"), t("user.since")]}
        acts={t("key.revoke")}
      >
        {(it) => (
          <tr key={it.key}>
            <td>
              {it.revoked_at ? <del>{it.label}</del> : <b>{it.label}</b>}
              <div className="soft">{it.key}</div>
            </td>
            <td>{it.scopes.join(", ")}</td>
            <td>
              <Ago at={it.created_at} />
            </td>
            <td className="acts">
              {it.revoked_at ? (
                <span className="soft">
                  {t("key.revoked")} <Ago at={it.revoked_at} />
                </span>
              ) : (
                <Sure
                  label={t("key.revoke")}
                  of={it.label}
                  sure={t("key.revoke_sure", { label: it.label })}
                  onDo={() => void revoke(it)}
                />
              )}
            </td>
          </tr>
        )}
      </Listed>
    </section>
  );
}
