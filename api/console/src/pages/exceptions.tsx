// Exceptions: everything that waits for a person, and what happens next by itself.

import type { ColDef } from "ag-grid-community";
import { useMemo, useState } from "react";
import { get, query } from "../lib/api";
import { absolute, keyOf, relative, waitingOf, whole } from "../lib/format";
import { t, useLanguage, word } from "../lib/i18n";
import { useKeys } from "../lib/keys";
import { useLoad } from "../lib/load";
import { patch, useRoute } from "../lib/route";
import type { Hold, Order, Page } from "../lib/types";
import { Ago, Closable, Empty, Trouble } from "../ui/bits";
import { Grid } from "../ui/grid";
import { Icon } from "../ui/icon";
import { SearchBox } from "../ui/search";
import { Status } from "../ui/status";
import { Bulk } from "./bulk";
import { OrderPanel } from "./order";

const EVERY_MS = 1_000; // while the log grows
const MOST = 500; // of each status
const STATUSES = ["exception", "on_hold", "backordered", "partially_allocated"];

interface Waiting {
  id: string;
  order: Order;
  hold?: Hold;
  reason: string;
}

async function read(signal: AbortSignal): Promise<Waiting[]> {
  const pages = await Promise.all(
    STATUSES.map((status) =>
      get<Page<"orders", Order>>("v1/orders" + query({ status, limit: MOST }), signal),
    ),
  );
  return pages.flatMap((page) =>
    page.orders.flatMap((order): Waiting[] =>
      order.holds?.length
        ? order.holds.map((hold) => ({
            id: `${keyOf(order)}/${hold.hold_id}`,
            order,
            hold,
            reason: hold.reason,
          }))
        : [{ id: keyOf(order), order, reason: order.status }],
    ),
  );
}

const reasonOf = (row: Waiting): string =>
  row.hold ? word("reason", row.reason) : word("status", row.reason);

/** What happens if nobody does anything. */
function nextOf(row: Waiting): string {
  if (row.hold?.until)
    return t("hold.until", {
      then: word("then", row.hold.then),
      when: relative(row.hold.until),
    });
  if (row.hold) return t("exceptions.waits_person");
  const n = waitingOf(row.order);
  return n ? t("exceptions.waits_stock", { n }) : t("exceptions.waits_person");
}

const NARROW = window.matchMedia("(max-width: 720px)");

function columnsOf(): ColDef<Waiting>[] {
  const wide: ColDef<Waiting>[] = [
    { headerName: t("order.channel"), valueGetter: ({ data }) => data?.order.channel, width: 110 },
    { headerName: t("hold.owner"), valueGetter: ({ data }) => data?.hold?.owner ?? "", width: 140 },
    {
      headerName: t("exceptions.next"),
      minWidth: 220,
      flex: 1,
      valueGetter: ({ data }) => data && nextOf(data),
      cellRenderer: ({ data }: { data?: Waiting }) =>
        data && <span title={data.hold?.until && absolute(data.hold.until)}>{nextOf(data)}</span>,
    },
    {
      headerName: t("order.placed"),
      width: 120,
      valueGetter: ({ data }) => data?.order.placed_at ?? "",
      cellRenderer: ({ value }: { value?: string }) => value && <Ago at={value} />,
    },
    {
      headerName: t("order.seq"),
      type: "rightAligned",
      width: 110,
      valueGetter: ({ data }) => data?.order.seq,
      valueFormatter: ({ value }) => whole(value),
    },
  ];
  return [
    {
      headerName: t("exceptions.reason"),
      width: NARROW.matches ? 130 : 170,
      valueGetter: ({ data }) => data && reasonOf(data),
    },
    {
      headerName: t("order.status"),
      width: NARROW.matches ? 120 : 150,
      valueGetter: ({ data }) => data?.order.status,
      cellRenderer: ({ value }: { value: string }) => <Status value={value} />,
    },
    { headerName: t("order.order"), valueGetter: ({ data }) => data?.order.order_id, width: 120 },
    ...(NARROW.matches ? [] : wide),
  ];
}

export function Exceptions() {
  const { params } = useRoute();
  const language = useLanguage();
  const found = useLoad("exceptions", read, EVERY_MS);
  const columns = useMemo(columnsOf, [language]);
  const chosen = params.get("reason") ?? "";
  const open = params.get("open") ?? "";
  const [paying, setPaying] = useState<Order[] | null>(null);
  const paid = [
    ...new Map(
      (found.value ?? [])
        .filter((row) => row.hold?.reason === "payment" && row.order.payment === "paid")
        .map((row) => [keyOf(row.order), row.order]),
    ).values(),
  ];
  const release = () => paid.length && setPaying(paid);
  useKeys({ P: release });
  const needle = (params.get("q") ?? "").toLowerCase();
  const groups = new Map<string, Waiting[]>();
  for (const row of found.value ?? []) {
    groups.set(row.reason, [...(groups.get(row.reason) ?? []), row]);
  }
  const rows = useMemo(
    () =>
      found.value?.filter(
        (row) =>
          (!chosen || row.reason === chosen) && row.order.order_id.toLowerCase().includes(needle),
      ) ?? null,
    [found.value, chosen, needle],
  );
  return (
    <div className="split">
      <div className="main">
        <div className="views" role="group" aria-label={t("exceptions.reason")}>
          <button type="button" aria-pressed={!chosen} onClick={() => patch({ reason: "" })}>
            {t("view.all")} <b>{whole(found.value?.length ?? 0)}</b>
          </button>
          {[...groups].map(([reason, list]) => (
            <button
              type="button"
              key={reason}
              aria-pressed={chosen === reason}
              onClick={() => patch({ reason })}
            >
              {reasonOf(list[0]!)} <b>{whole(list.length)}</b>
            </button>
          ))}
        </div>
        <div className="filters">
          <SearchBox value={params.get("q") ?? ""} label={t("orders.search")} />
          <Closable disabled={!paid.length} title="P" onClick={release}>
            <Icon name="check" /> {t("exceptions.paid", { n: paid.length })}
          </Closable>
        </div>
        {found.error && <Trouble error={found.error} again={found.again} />}
        <Grid<Waiting>
          label={t("nav.exceptions")}
          rows={rows}
          columns={columns}
          rowId={(row) => row.id}
          open={rows?.find((row) => keyOf(row.order) === open)?.id}
          onOpen={(row) => patch({ open: keyOf(row.order) })}
          empty={
            <Empty title={t("exceptions.none")}>
              <p>{t("exceptions.none_how")}</p>
            </Empty>
          }
        />
        <p className="count soft">{rows && t("exceptions.count", { n: rows.length })}</p>
      </div>
      {paying && (
        <Bulk
          orders={paying}
          begin="release"
          reason="payment"
          onChanged={found.again}
          onLeave={() => setPaying(null)}
        />
      )}
      {open && !paying && (
        <OrderPanel id={open} onChanged={found.again} onClose={() => patch({ open: "" })} />
      )}
    </div>
  );
}
