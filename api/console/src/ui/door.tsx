// The door: a key is asked for, tried, and kept for this tab only.

import { type FormEvent, useState } from "react";
import { get, setKey } from "../lib/api";
import { t } from "../lib/i18n";
import type { Overview } from "../lib/types";
import { words } from "./toast";

export function Door({ why, onOpen }: { why: string; onOpen: () => void }) {
  const [error, setError] = useState(why);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const key = String(new FormData(event.currentTarget).get("key")).trim();
    setBusy(true);
    setKey(key);
    try {
      await get<Overview>("v1/overview");
      onOpen();
    } catch (refusal) {
      setKey("");
      setError(words(refusal));
    }
    setBusy(false);
  };
  return (
    <main className="door">
      <form onSubmit={(event) => void submit(event)}>
        <h1>dibs</h1>
        <label className="field">
          <span>{t("door.key")}</span>
          <input
            name="key"
            type="password"
            required
            autoFocus
            autoComplete="off"
            spellCheck={false}
            placeholder="dibs_…"
          />
        </label>
        <button className="primary" disabled={busy}>
          {t("door.open")}
        </button>
        {error && (
          <p className="wrong" role="alert">
            {error}
          </p>
        )}
        <p className="soft">{t("door.where")}</p>
      </form>
    </main>
  );
}
