// Saved views: filters with a name. Those of a person are kept in their browser.

import { useState } from "react";
import { type Key, t } from "../lib/i18n";
import { go, useRoute } from "../lib/route";
import { Icon } from "./icon";

type Filters = Record<string, string>;

const stored = (store: string): [string, Filters][] =>
  JSON.parse(localStorage.getItem(`dibs views ${store}`) ?? "[]");

export function Views(props: { store: string; builtIn: [string, Filters][]; names: string[] }) {
  const { page, params } = useRoute();
  const [own, setOwn] = useState(() => stored(props.store));
  const [naming, setNaming] = useState(false);
  const filters: Filters = {};
  for (const name of props.names) if (params.get(name)) filters[name] = params.get(name)!;
  const now = JSON.stringify(filters);
  const keep = (next: [string, Filters][]) => {
    localStorage.setItem(`dibs views ${props.store}`, JSON.stringify(next));
    setOwn(next);
  };
  const known = [...props.builtIn, ...own].some(([, each]) => JSON.stringify(each) === now);
  return (
    <nav className="views" aria-label={t("views")}>
      {props.builtIn.map(([key, each]) => (
        <button
          type="button"
          key={key}
          aria-pressed={JSON.stringify(each) === now}
          onClick={() => go(page, each)}
        >
          {t(key as Key)}
        </button>
      ))}
      {own.map(([name, each], at) => (
        <span key={name} className="own">
          <button
            type="button"
            aria-pressed={JSON.stringify(each) === now}
            onClick={() => go(page, each)}
          >
            {name}
          </button>
          <button
            type="button"
            className="icon"
            aria-label={t("views.forget", { name })}
            onClick={() => keep(own.filter((_, i) => i !== at))}
          >
            <Icon name="close" />
          </button>
        </span>
      ))}
      {!known && !naming && (
        <button type="button" className="link" onClick={() => setNaming(true)}>
          <Icon name="plus" /> {t("views.save")}
        </button>
      )}
      {naming && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const name = String(new FormData(event.currentTarget).get("name")).trim();
            if (name) keep([...own.filter(([old]) => old !== name), [name, filters]]);
            setNaming(false);
          }}
        >
          <input
            name="name"
            autoFocus
            aria-label={t("views.name")}
            placeholder={t("views.name")}
            onBlur={() => setNaming(false)}
          />
        </form>
      )}
    </nav>
  );
}
