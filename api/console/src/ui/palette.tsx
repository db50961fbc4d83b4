// The command palette: go somewhere, find an order or a SKU, change how it looks.

import { useEffect, useState } from "react";
import { get, query } from "../lib/api";
import { keyOf } from "../lib/format";
import { LANGUAGES, setLanguage, t, word } from "../lib/i18n";
import { go } from "../lib/route";
import { useLack } from "../lib/session";
import { setTheme, type Theme } from "../lib/theme";
import type { Page } from "../lib/types";
import { PAGES } from "../pages/list";
import { demo } from "./demo";
import { Icon, type IconName } from "./icon";
import { Layer } from "./layer";

interface Command {
  id: string;
  icon: IconName;
  text: string;
  note?: string;
  /** Why one may not run it. */
  lack?: string;
  run: () => void;
}

const THEMES: Theme[] = ["light", "dark", "system"];
const AFTER_MS = 120;
const ORDERS = 6;

function commands(demoLack: string): Command[] {
  return [
    ...PAGES.map(({ name, icon, key }) => ({
      id: name,
      icon,
      text: t(`nav.${name}`),
      note: `g ${key}`,
      run: () => go(name),
    })),
    ...["on_hold", "backordered", "exception"].map((status) => ({
      id: status,
      icon: "orders" as const,
      text: `${t("nav.orders")}: ${word("status", status)}`,
      run: () => go("orders", { status }),
    })),
    ...(["load", "remove"] as const).map((what) => ({
      id: `demo ${what}`,
      icon: "stock" as const,
      text: t(`demo.${what}`),
      lack: demoLack,
      run: () => void demo(what),
    })),
    ...THEMES.map((theme) => ({
      id: theme,
      icon: "settings" as const,
      text: `${t("settings.theme")}: ${t(`theme.${theme}`)}`,
      run: () => setTheme(theme),
    })),
    ...LANGUAGES.map(([language, name]) => ({
      id: language,
      icon: "settings" as const,
      text: `${t("settings.language")}: ${name}`,
      run: () => setLanguage(language),
    })),
  ];
}

interface Found {
  channel: string;
  order_id: string;
  status: string;
  customer?: string | null;
}

/** Orders by a part of their id, and by customer or tracking number where there are views. */
async function find(q: string, signal: AbortSignal, tell: (found: Found[]) => void): Promise<void> {
  const found = new Map<string, Found>();
  const look = async (list: string, most: number) => {
    try {
      const page = await get<Page<"orders", Found>>(list + query({ q, limit: most }), signal);
      for (const order of page.orders) if (!found.has(keyOf(order))) found.set(keyOf(order), order);
      if (!signal.aborted) tell([...found.values()].slice(0, ORDERS));
    } catch {
      // The palette still has its commands; the page tells what is wrong.
    }
  };
  await Promise.all([look("v1/orders", ORDERS), look("v1/views/orders", ORDERS)]);
}

/** Orders that have what was typed, a little after it was typed. */
function useOrders(text: string): Command[] {
  const [found, setFound] = useState<Found[]>([]);
  useEffect(() => {
    const stop = new AbortController();
    setFound([]);
    const timer = window.setTimeout(
      () => text.length > 1 && void find(text, stop.signal, setFound),
      AFTER_MS,
    );
    return () => {
      stop.abort();
      window.clearTimeout(timer);
    };
  }, [text]);
  return found.map((order) => ({
    id: keyOf(order),
    icon: "orders",
    text: order.order_id,
    note: [order.channel, word("status", order.status), order.customer].filter(Boolean).join(" · "),
    run: () => go("orders", { open: keyOf(order) }),
  }));
}

export function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const needle = text.trim().toLocaleLowerCase();
  const orders = useOrders(text.trim());
  const demoLack = useLack("admin");
  const shown = [
    ...commands(demoLack).filter((command) => command.text.toLocaleLowerCase().includes(needle)),
    ...orders,
  ];
  const chosen = Math.min(at, shown.length - 1);
  const run = (command?: Command) => {
    if (!command || command.lack) return;
    onClose();
    command.run();
  };
  return (
    <Layer label={t("palette")} onClose={onClose}>
      <div className="palette">
        <input
          autoFocus
          role="combobox"
          aria-expanded="true"
          aria-controls="found"
          aria-activedescendant={shown[chosen] ? `found-${chosen}` : undefined}
          aria-label={t("palette.what")}
          placeholder={t("palette.what")}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setAt(0);
          }}
          onKeyDown={(event) => {
            if (event.key === "ArrowDown") setAt(Math.min(chosen + 1, shown.length - 1));
            else if (event.key === "ArrowUp") setAt(Math.max(chosen - 1, 0));
            else if (event.key === "Enter") run(shown[chosen]);
            else return;
            event.preventDefault();
          }}
        />
        <ul id="found" role="listbox" aria-label={t("palette")}>
          {shown.map((command, i) => (
            <li
              key={command.id}
              id={`found-${i}`}
              role="option"
              aria-selected={i === chosen}
              aria-disabled={!!command.lack || undefined}
              title={command.lack}
              onMouseMove={() => setAt(i)}
              onClick={() => run(command)}
            >
              <Icon name={command.icon} /> {command.text}
              <span className="soft">{command.lack || command.note}</span>
            </li>
          ))}
        </ul>
        {shown.length === 0 && <p className="soft">{t("palette.none")}</p>}
      </div>
    </Layer>
  );
}
