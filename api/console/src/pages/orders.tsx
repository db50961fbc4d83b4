// Orders: one queue over all channels, newest first, live; one order beside it.

import type { ColDef, GridApi } from "ag-grid-community";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { all, Refusal } from "../lib/api";
import { keyOf, money, placesOf, unitsOf, valueOf, waitingOf, whole } from "../lib/format";
import { t, useLanguage, word } from "../lib/i18n";
import { save } from "../lib/csv";
import { useChannel, useShown } from "../lib/live";
import { useLoad } from "../lib/load";
import { DAYS, filters, keyOfQueue, looksBack, Queue, spreadsheet } from "../lib/queue";
import { patch, useRoute } from "../lib/route";
import type { Order, Page, QueueNews } from "../lib/types";
import { Ago, Choice, Empty, Trouble } from "../ui/bits";
import { Grid } from "../ui/grid";
import { Icon } from "../ui/icon";
import { SearchBox } from "../ui/search";
import { Status } from "../ui/status";
import { attempt } from "../ui/toast";
import { Views } from "../ui/views";
import { OPEN } from "./actions";
import { Bulk } from "./bulk";
import { OrderPanel } from "./order";

const EVERY_MS = 2_000; // of what is asked of the views
const MOST = 5_000; // rows of one view; who needs more narrows it down
const NARROW = window.matchMedia("(max-width: 720px)");
const STATUSES = [...OPEN, "shipped", "delivered", "cancelled"];
const BUILT_IN: [string, Record<string, string>][] = [
  ["view.all", {}],
  ["view.to_ship", { status: "allocated" }],
  ["view.on_hold", { status: "on_hold" }],
  ["view.waiting", { status: "backordered" }],
  ["view.partly", { status: "partially_allocated" }],
  ["view.exceptions", { status: "exception" }],
  ["view.yesterday", { day: "yesterday" }],
];
const FILTERS = ["status", "channel", "q", "day"];

const newer = (one: Order, other?: Order): Order => (other && other.seq > one.seq ? other : one);

/**
 * The rows shown, after the newest were told anew: those, and what lay behind them. What they span
 * and do not have is no longer so. `anew` if nothing joins the two.
 */
function refreshed(
  old: Order[],
  told: Page<"orders", Order> | QueueNews,
): { rows: Order[]; anew: boolean } {
  const known = new Map(old.map((row, i) => [keyOf(row), i]));
  const places = told.orders.map((row) => known.get(keyOf(row)) ?? -1);
  const last = Math.max(-1, ...places);
  const fresh = told.orders.map((row, i) => newer(row, old[places[i]!]));
  if (told.next_cursor === null || last < 0) return { rows: fresh, anew: true };
  return { rows: [...fresh, ...old.slice(last + 1)].slice(0, MOST), anew: false };
}

/** The rows after something of the newest has changed; what is new to the filter comes first. */
function changed(old: Order[], told: QueueNews): Order[] {
  const byKey = new Map(told.orders.map((row) => [keyOf(row), row]));
  const gone = new Set(told.gone.map(([channel, order_id]) => keyOf({ channel, order_id })));
  const kept = old.filter((row) => !gone.has(keyOf(row)));
  const known = new Set(kept.map(keyOf));
  const fresh = told.orders.filter((row) => !known.has(keyOf(row)));
  return [...fresh, ...kept.map((row) => newer(row, byKey.get(keyOf(row))))].slice(0, MOST);
}

/** The queue's rows: the newest live, or what is looked for; further ones when scrolled to. */
function useQueue(params: URLSearchParams) {
  const key = keyOfQueue(params);
  const queue = useMemo(() => new Queue(), [key]);
  const back = looksBack(params);
  const [rows, setRows] = useState<Order[] | null>(null);
  const [error, setError] = useState<Refusal | null>(null);
  const { lost } = useChannel();
  const cursor = useRef<string | null>(null);
  const shown = useRef<Order[]>([]);
  shown.current = rows ?? [];
  const busy = useRef(false);
  const begun = useRef(false);
  /** Rows that were read or changed: in their place if they are shown, else at the end. */
  const add = useCallback((more: Order[]) => {
    setRows((old) => {
      const byKey = new Map((old ?? []).map((row) => [keyOf(row), row]));
      for (const row of more) byKey.set(keyOf(row), newer(row, byKey.get(keyOf(row))));
      return [...byKey.values()];
    });
  }, []);
  useEffect(() => {
    begun.current = false;
    setRows(null);
  }, [key]);
  const take = (told: Page<"orders", Order> | QueueNews) => {
    setError(null);
    const next = refreshed(begun.current ? shown.current : [], told);
    if (!begun.current || next.anew) cursor.current = told.next_cursor;
    begun.current = true;
    setRows(next.rows);
  };
  useShown(back ? null : { orders: filters(params) }, {
    orders: (told) => {
      if (told.anew) return take(told);
      setError(null);
      setRows((old) => changed(old ?? [], told));
    },
  });
  const found = useLoad(
    back ? key : "",
    (signal) => (back ? queue.page(params, null, signal) : Promise.resolve(null)),
    back ? EVERY_MS : 0,
  );
  useEffect(() => {
    if (back && found.value) take(found.value);
  }, [back, found.value]);
  const more = useCallback(async () => {
    if (busy.current || !cursor.current || (rows?.length ?? 0) >= MOST) return;
    busy.current = true;
    try {
      const page = await queue.page(params, cursor.current);
      cursor.current = page.next_cursor;
      add(page.orders);
    } catch (refusal) {
      setError(refusal as Refusal);
    }
    busy.current = false;
  }, [queue, params, rows, add]);
  const put = useCallback((order: Order) => add([order]), [add]);
  const again = useCallback(() => setError(null), []);
  return {
    rows,
    error: error ?? (back ? found.error : rows ? null : lost),
    more,
    put,
    again,
    whole: cursor.current === null,
  };
}

/** The location that sends the most, and how many others. */
function fromOf(order: Order): string {
  const places = placesOf(order);
  return places.length > 1 ? `${places[0]![0]} +${places.length - 1}` : (places[0]?.[0] ?? "");
}

function columnsOf(): ColDef<Order>[] {
  const columns: (ColDef<Order> & { wide?: boolean })[] = [
    {
      headerName: t("order.status"),
      field: "status",
      width: NARROW.matches ? 132 : 150,
      cellRenderer: ({ value }: { value: string }) => <Status value={value} />,
    },
    { headerName: t("order.order"), field: "order_id", minWidth: 120, flex: 1 },
    { headerName: t("order.channel"), field: "channel", width: 100, wide: true },
    {
      headerName: t("order.units"),
      type: "rightAligned",
      width: 80,
      valueGetter: ({ data }) => data && unitsOf(data),
      valueFormatter: ({ value }) => whole(value),
    },
    {
      headerName: t("order.waiting"),
      type: "rightAligned",
      width: 90,
      wide: true,
      valueGetter: ({ data }) => data && waitingOf(data),
      valueFormatter: ({ value }) => (value ? whole(value) : ""),
    },
    {
      headerName: t("order.from"),
      width: 170,
      wide: true,
      valueGetter: ({ data }) => data && fromOf(data),
    },
    {
      headerName: t("order.holds"),
      width: 130,
      wide: true,
      valueGetter: ({ data }) =>
        data?.holds?.map((hold) => word("reason", hold.reason)).join(", ") ?? "",
    },
    { headerName: t("order.customer"), field: "customer", width: 120, wide: true },
    {
      headerName: t("order.country"),
      width: 80,
      wide: true,
      valueGetter: ({ data }) => data?.ship_to?.country ?? "",
    },
    {
      headerName: t("order.value"),
      type: "rightAligned",
      width: 105,
      wide: true,
      valueGetter: ({ data }) => data && valueOf(data),
      valueFormatter: ({ value, data }) => (value ? money(value, data?.currency) : ""),
    },
    {
      headerName: t("order.payment"),
      field: "payment",
      width: 100,
      wide: true,
      valueFormatter: ({ value }) => (value ? word("payment", value) : ""),
    },
    {
      headerName: t("order.placed"),
      field: "placed_at",
      width: 110,
      wide: true,
      cellRenderer: ({ value }: { value?: string }) => value && <Ago at={value} />,
    },
    {
      headerName: t("order.seq"),
      field: "seq",
      type: "rightAligned",
      width: 100,
      wide: true,
      valueFormatter: ({ value }) => whole(value),
    },
  ];
  return columns
    .filter((column) => !(column.wide && NARROW.matches))
    .map(({ wide: _, ...column }) => column);
}

function Filters({ params, rows }: { params: URLSearchParams; rows: Order[] | null }) {
  const channels = useLoad("channels", () => all<{ channel: string }>("channels", "channels"));
  const known = new Set(channels.value?.map((row) => row.channel));
  const [exporting, setExporting] = useState(false);
  const exported = async () => {
    setExporting(true);
    await attempt(async () => save("orders.csv", await spreadsheet(params)));
    setExporting(false);
  };
  const chosen = params.get("channel") ?? "";
  if (chosen) known.add(chosen);
  return (
    <div className="filters">
      <SearchBox value={params.get("q") ?? ""} label={t("orders.search")} />
      <Choice
        name={t("order.status")}
        value={params.get("status") ?? ""}
        onChange={(status) => patch({ status })}
        options={[
          ["", t("orders.any_status")],
          ...STATUSES.map((status): [string, string] => [status, word("status", status)]),
        ]}
      />
      <input
        type="text"
        list="channels"
        aria-label={t("order.channel")}
        placeholder={t("orders.any_channel")}
        defaultValue={chosen}
        key={chosen}
        onChange={(event) => {
          const value = event.target.value.trim();
          if (!value || known.has(value)) patch({ channel: value });
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") patch({ channel: event.currentTarget.value.trim() });
        }}
      />
      <datalist id="channels">
        {[...known].map((channel) => (
          <option key={channel} value={channel} />
        ))}
      </datalist>
      <Choice
        name={t("orders.day")}
        value={params.get("day") ?? ""}
        onChange={(day) => patch({ day })}
        options={[
          ["", t("orders.any_day")],
          ...DAYS.map((day): [string, string] => [day, t(`orders.${day}`)]),
        ]}
      />
      <button
        type="button"
        disabled={!rows?.length || exporting}
        aria-busy={exporting}
        onClick={() => void exported()}
      >
        <Icon name="download" /> {t("act.export")}
      </button>
    </div>
  );
}

export function Orders() {
  const { params } = useRoute();
  const language = useLanguage();
  const queue = useQueue(params);
  const [chosen, setChosen] = useState<Order[]>([]);
  const grid = useRef<GridApi<Order> | null>(null);
  const columns = useMemo(columnsOf, [language]);
  const open = params.get("open") ?? "";
  const filtered = FILTERS.some((name) => params.get(name));
  return (
    <div className="split">
      <div className="main">
        <Views store="orders" builtIn={BUILT_IN} names={FILTERS} />
        <Filters params={params} rows={queue.rows} />
        {queue.error && <Trouble error={queue.error} again={queue.again} />}
        <Grid<Order>
          label={t("nav.orders")}
          rows={queue.rows}
          columns={columns}
          rowId={keyOf}
          open={open}
          onOpen={(order) => patch({ open: keyOf(order) })}
          onSelect={setChosen}
          onEnd={() => void queue.more()}
          onApi={(api) => (grid.current = api)}
          empty={
            <Empty title={filtered ? t("orders.none_such") : t("orders.none")}>
              {filtered ? (
                <button
                  type="button"
                  onClick={() => patch({ status: "", channel: "", q: "", day: "" })}
                >
                  {t("orders.all")}
                </button>
              ) : (
                <p>{t("orders.none_how")}</p>
              )}
            </Empty>
          }
        />
        <p className="count soft" role="status">
          {queue.rows &&
            t(queue.whole ? "orders.count" : "orders.count_more", { n: queue.rows.length })}
        </p>
        {chosen.length > 0 && (
          <Bulk orders={chosen} onChanged={queue.put} onLeave={() => grid.current?.deselectAll()} />
        )}
      </div>
      {open && <OrderPanel id={open} onChanged={queue.put} onClose={() => patch({ open: "" })} />}
    </div>
  );
}
