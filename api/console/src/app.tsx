// The frame: where one can go, whether all is well, and the page itself.

import { lazy, Suspense, useEffect, useState } from "react";
import { whole } from "./lib/format";
import { languageNow, t, useLanguage, word } from "./lib/i18n";
import { useKeys } from "./lib/keys";
import { useChannel } from "./lib/live";
import { go, href, useInSight, useRoute } from "./lib/route";
import { Needs, useLack } from "./lib/session";
import { PAGES, type PageName } from "./pages/list";
import { Now } from "./pages/now";
import { Skeleton } from "./ui/bits";
import { Entry } from "./ui/entry";
import { Help } from "./ui/help";
import { Icon } from "./ui/icon";
import { Me } from "./ui/me";
import { Palette } from "./ui/palette";
import { Toasts, undoLast } from "./ui/toast";

const AHEAD_MS = 300; // after the first page, those that are opened most are fetched

// The grid comes with the first page that needs it or a moment later, not with the first look.
const Orders = lazy(() => import("./pages/orders").then((it) => ({ default: it.Orders })));
const Stock = lazy(() => import("./pages/stock").then((it) => ({ default: it.Stock })));
const Returns = lazy(() => import("./pages/returns").then((it) => ({ default: it.Returns })));
const Exceptions = lazy(() =>
  import("./pages/exceptions").then((it) => ({ default: it.Exceptions })),
);
const Purchases = lazy(() => import("./pages/purchases").then((it) => ({ default: it.Purchases })));
const Locations = lazy(() => import("./pages/locations").then((it) => ({ default: it.Locations })));
const Channels = lazy(() => import("./pages/channels").then((it) => ({ default: it.Channels })));
const Connections = lazy(() =>
  import("./pages/connections").then((it) => ({ default: it.Connections })),
);
const Flash = lazy(() => import("./pages/flash").then((it) => ({ default: it.Flash })));
const Settings = lazy(() => import("./pages/settings").then((it) => ({ default: it.Settings })));

const SHOWN: Record<PageName, React.ComponentType> = {
  now: Now,
  orders: Orders,
  stock: Stock,
  returns: Returns,
  exceptions: Exceptions,
  purchases: Purchases,
  locations: Locations,
  channels: Channels,
  connections: Connections,
  flash: Flash,
  settings: Settings,
};

// The scope that most actions of a page need; the others name theirs.
const NEEDS: Partial<Record<PageName, string>> = {
  orders: "sell",
  stock: "stock",
  returns: "sell",
  exceptions: "sell",
  purchases: "stock",
  locations: "plan",
  channels: "plan",
  connections: "plan",
};

function Nav({ page }: { page: string }) {
  const row = useInSight<HTMLElement>(page);
  return (
    <nav className="nav" aria-label={t("nav")} ref={row}>
      {PAGES.map(({ name, icon, key }) => (
        <a
          key={name}
          href={href(name)}
          aria-current={page === name ? "page" : undefined}
          title={`${t(`nav.${name}`)} (g ${key})`}
        >
          <Icon name={icon} />
          <span>{t(`nav.${name}`)}</span>
        </a>
      ))}
    </nav>
  );
}

function State() {
  const { beat, lost } = useChannel();
  const good = !lost && beat?.state === "leading";
  return (
    <span className={good ? "state good" : "state bad"} role="status">
      <Icon name={good ? "full" : "alert"} />
      {lost ? t("state.lost") : beat ? word("state", beat.state) : t("state.none")}
      {beat && <span className="soft seq"> {whole(beat.seq)}</span>}
    </span>
  );
}

/** What is shown is old: says since when. */
function Stale() {
  const { beat, lost, since } = useChannel();
  if (!beat || (!lost && beat.state === "leading")) return null;
  const when = new Date(since).toLocaleTimeString(languageNow());
  return (
    <p className="stale" role="alert">
      <Icon name="alert" /> {t(lost ? "state.stale" : "state.stale_away", { when })}
    </p>
  );
}

/** What one may only look at says so at the top; the reason is beside what is closed, too. */
function LookOnly({ page }: { page: PageName }) {
  const lack = useLack(NEEDS[page]);
  if (!lack) return null;
  return (
    <span className="lack" title={lack}>
      <Icon name="lock" /> {t("may.look_only")}
    </span>
  );
}

/** Fetch what the next page needs while nothing else is to be done. */
function useNextPages(): void {
  useEffect(() => {
    const timer = window.setTimeout(() => {
      void import("./pages/orders");
      void import("./pages/stock");
    }, AHEAD_MS);
    return () => window.clearTimeout(timer);
  }, []);
}

type Layer = "" | "palette" | "help";

function Console() {
  const { page } = useRoute();
  useNextPages();
  const [layer, setLayer] = useState<Layer>("");
  const jumps = Object.fromEntries(PAGES.map(({ name, key }) => [`g ${key}`, () => go(name)]));
  useKeys({
    ...jumps,
    "ctrl+k": () => setLayer(layer === "palette" ? "" : "palette"),
    "?": () => setLayer(layer === "help" ? "" : "help"),
    u: undoLast,
    "/": () => {
      const box = document.getElementById("search") as HTMLInputElement | null;
      if (box) {
        box.focus();
        box.select();
      } else setLayer("palette");
    },
  });
  const name = page in SHOWN ? (page as PageName) : "now";
  const Shown = SHOWN[name];
  useEffect(() => {
    document.title = `${t(`nav.${name}`)} · dibs`;
  });
  return (
    <div className="frame">
      <a
        className="skip"
        href="#page"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("page")?.focus();
        }}
      >
        {t("skip")}
      </a>
      <header className="bar">
        <a className="name" href={href("now")}>
          dibs
        </a>
        <h1>{t(`nav.${name}`)}</h1>
        <State />
        <LookOnly page={name} />
        <button type="button" className="find" onClick={() => setLayer("palette")}>
          <Icon name="search" /> <span>{t("palette")}</span> <kbd>Ctrl K</kbd>
        </button>
        <button
          type="button"
          className="icon"
          aria-label={t("help")}
          title={`${t("help")} (?)`}
          onClick={() => setLayer("help")}
        >
          ?
        </button>
        <Me />
      </header>
      <Nav page={name} />
      <main id="page" tabIndex={-1}>
        <Stale />
        <Suspense fallback={<Skeleton lines={12} />}>
          <Needs.Provider value={NEEDS[name] ?? ""}>
            <Shown />
          </Needs.Provider>
        </Suspense>
      </main>
      {layer === "palette" && <Palette onClose={() => setLayer("")} />}
      {layer === "help" && <Help onClose={() => setLayer("")} />}
      <Toasts />
    </div>
  );
}

export function App() {
  useLanguage(); // everything is drawn anew in another language
  return (
    <Entry>
      <Console />
    </Entry>
  );
}
