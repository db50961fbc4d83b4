// Settings: what this browser shows, what this server says of itself; one's own account; and for
// admins users, keys and the audit.

import { useState } from "react";
import { whole } from "../lib/format";
import { type Key, type Language, LANGUAGES, languageNow, setLanguage, t, word } from "../lib/i18n";
import { usePulse } from "../lib/live";
import { patch, useInSight, useRoute } from "../lib/route";
import { Needs, signOut, useSession } from "../lib/session";
import { setTheme, type Theme, themeNow } from "../lib/theme";
import { Choice, Closable, Field } from "../ui/bits";
import { Account } from "./account";
import { ApiKeys } from "./apikeys";
import { Audit } from "./audit";
import { Roles, Users } from "./users";
import { Webhooks } from "./webhooks";

const THEMES: Theme[] = ["system", "light", "dark"];

function Look() {
  const [theme, choose] = useState(themeNow());
  const { overview } = usePulse();
  const session = useSession();
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
      {session?.kind === "key" && (
        <section className="card">
          <h2>{t("settings.key")}</h2>
          <p className="soft">{t("settings.key_how")}</p>
          <button type="button" onClick={() => void signOut()}>
            {t("settings.leave")}
          </button>
        </section>
      )}
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

const TABS: Record<string, { scope: string; Shown: React.ComponentType }> = {
  look: { scope: "", Shown: Look },
  me: { scope: "self", Shown: Account },
  users: {
    scope: "admin",
    Shown: () => (
      <>
        <Users />
        <Roles />
      </>
    ),
  },
  keys: { scope: "admin", Shown: ApiKeys },
  webhooks: { scope: "admin", Shown: Webhooks },
  audit: { scope: "admin", Shown: Audit },
};

export function Settings() {
  const { params } = useRoute();
  const session = useSession();
  // One's own account is for whoever signed in, and for an admin, who sees everybody's sessions.
  const mine = session?.kind === "user" || !!session?.may.includes("admin");
  const open = (scope: string): boolean =>
    scope === "self" ? mine : !scope || !!session?.may.includes(scope);
  const asked = params.get("tab") || "look";
  const tab = TABS[asked] && open(TABS[asked].scope) ? asked : "look";
  const { Shown } = TABS[tab]!;
  const row = useInSight<HTMLDivElement>(tab);
  return (
    <div className="people">
      <div className="views" role="group" aria-label={t("nav.settings")} ref={row}>
        {Object.entries(TABS)
          .filter(([, { scope }]) => scope !== "self" || mine)
          .map(([name, { scope }]) => (
            <Closable
              key={name}
              scope={scope === "self" ? "" : scope}
              pressed={tab === name}
              onClick={() => patch({ tab: name, open: "" })}
            >
              {t(`tab.${name}` as Key)}
            </Closable>
          ))}
      </div>
      <Needs.Provider value={TABS[tab]!.scope === "admin" ? "admin" : ""}>
        <Shown />
      </Needs.Provider>
    </div>
  );
}
