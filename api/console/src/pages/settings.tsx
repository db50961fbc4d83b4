// Settings: what this browser shows, and what this server says of itself.

import { useState } from "react";
import { whole } from "../lib/format";
import { type Language, LANGUAGES, languageNow, setLanguage, t, word } from "../lib/i18n";
import { usePulse } from "../lib/live";
import { setTheme, type Theme, themeNow } from "../lib/theme";
import { Choice, Field } from "../ui/bits";

const THEMES: Theme[] = ["system", "light", "dark"];

export function Settings() {
  const [theme, choose] = useState(themeNow());
  const { overview } = usePulse();
  return (
    <div className="settings">
      <section className="card">
        <h2>{t("settings.look")}</h2>
        <Field label={t("settings.theme")}>
          <Choice
            value={theme}
            options={THEMES.map((each) => [each, t(`theme.${each}`)])}
            onChange={(next) => {
              choose(next as Theme);
              setTheme(next as Theme);
            }}
          />
        </Field>
        <Field label={t("settings.language")}>
          <Choice
            value={languageNow()}
            options={LANGUAGES}
            onChange={(next) => setLanguage(next as Language)}
          />
        </Field>
      </section>
      <section className="card">
        <h2>{t("settings.key")}</h2>
        <p className="soft">{t("settings.key_how")}</p>
        <button type="button" onClick={() => window.dispatchEvent(new Event("dibs:leave"))}>
          {t("settings.leave")}
        </button>
      </section>
      <section className="card">
        <h2>{t("settings.server")}</h2>
        {overview && (
          <dl className="facts">
            <div>
              <dt>{t("settings.state")}</dt>
              <dd>{word("state", overview.state)}</dd>
            </div>
            <div>
              <dt>{t("settings.epoch")}</dt>
              <dd>{whole(overview.epoch)}</dd>
            </div>
            <div>
              <dt>{t("order.seq")}</dt>
              <dd>{whole(overview.seq)}</dd>
            </div>
            {Object.entries(overview.rows).map(([table, rows]) => (
              <div key={table}>
                <dt>{word("table", table)}</dt>
                <dd>{whole(rows)}</dd>
              </div>
            ))}
          </dl>
        )}
        <p>
          <a href="docs">{t("settings.docs")}</a>
        </p>
      </section>
    </div>
  );
}
