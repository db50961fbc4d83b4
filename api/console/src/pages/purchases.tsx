// Purchase orders: what is on its way, and receiving it, whole or in part.

import type { ColDef } from "ag-grid-community";
import { useMemo, useState } from "react";
import { all, call, path } from "../lib/api";
import { absolute, relative, whole } from "../lib/format";
import { t, useLanguage } from "../lib/i18n";
import { useKeys } from "../lib/keys";
import { useLoad } from "../lib/load";
import { patch, useRoute } from "../lib/route";
import type { Location, PurchaseOrder } from "../lib/types";
import { Act, Ago, Choice, Closable, Doing, Empty, Field, Panel, Trouble } from "../ui/bits";
import { Grid } from "../ui/grid";
import { Icon } from "../ui/icon";
import { SearchBox } from "../ui/search";
import { Status } from "../ui/status";
import { said } from "../ui/toast";
import { receive, receiveBack } from "./papers";
import { NewPurchase } from "./purchase";

const EVERY_MS = 3_000;
const NARROW = window.matchMedia("(max-width: 720px)");
// A received one is done, other than an order that is only just received.
const lookOf = (status: string) => (status === "received" ? "delivered" : status);
const ordered = (it: PurchaseOrder) => it.lines.reduce((sum, line) => sum + line.quantity, 0);
const received = (it: PurchaseOrder) => it.lines.reduce((sum, line) => sum + line.received, 0);

const put = (it: PurchaseOrder, changes: Record<string, unknown> = {}) =>
  call("PUT", path("purchase-orders", it.purchase_order), {
    location: it.location,
    expected_at: it.expected_at,
    supplier: it.supplier ?? "",
    lines: it.lines.map(({ sku, quantity }) => ({ sku, quantity })),
    ...changes,
  });

function columnsOf(): ColDef<PurchaseOrder>[] {
  const wide: ColDef<PurchaseOrder>[] = [
    { headerName: t("purchase.supplier"), field: "supplier", minWidth: 140, flex: 1 },
    { headerName: t("sku.location"), field: "location", width: 140 },
    {
      headerName: t("purchase.received"),
      type: "rightAligned",
      width: 110,
      valueGetter: ({ data }) => data && received(data),
      valueFormatter: ({ value }) => whole(value),
    },
  ];
  return [
    {
      headerName: t("order.status"),
      field: "status",
      width: 120,
      cellRenderer: ({ value }: { value: string }) => <Status value={value} look={lookOf(value)} />,
    },
    { headerName: t("purchase.id"), field: "purchase_order", width: 150 },
    {
      headerName: t("purchase.expected"),
      field: "expected_at",
      width: 120,
      cellRenderer: ({ value }: { value: string }) => <Ago at={value} />,
    },
    ...(NARROW.matches ? [] : wide),
    {
      headerName: t("purchase.ordered"),
      type: "rightAligned",
      width: 100,
      valueGetter: ({ data }) => data && ordered(data),
      valueFormatter: ({ value }) => whole(value),
    },
  ];
}

function Receive(props: { it: PurchaseOrder; onDone: () => void; onLeave: () => void }) {
  const { it } = props;
  const rest = it.lines.map((line) => Math.max(0, line.quantity - line.received));
  const [units, setUnits] = useState(rest.map(String));
  const lines = it.lines
    .map((line, i) => ({ sku: line.sku, quantity: Number(units[i]) }))
    .filter((line) => Number.isInteger(line.quantity) && line.quantity > 0);
  const total = lines.reduce((sum, line) => sum + line.quantity, 0);
  return (
    <Doing
      title={t("purchase.receive_title", { place: it.location })}
      action={t("purchase.receive", { n: total })}
      ready={total > 0}
      onCancel={props.onLeave}
      onDo={async () => {
        await receive(it.location, lines, it.purchase_order);
        props.onDone();
        said(t("purchase.done", { n: total }), async () => {
          await receiveBack(it.location, lines);
          props.onDone();
        });
      }}
    >
      <div className="row">
        <button type="button" onClick={() => setUnits(rest.map(String))}>
          {t("purchase.all")}
        </button>
        <button type="button" onClick={() => setUnits(rest.map((n) => String(Math.floor(n / 2))))}>
          {t("purchase.half")}
        </button>
        <button type="button" onClick={() => setUnits(rest.map(() => "0"))}>
          {t("purchase.nothing")}
        </button>
      </div>
      <table className="lines">
        <tbody>
          {it.lines.map((line, i) => (
            <tr key={i}>
              <td>{line.sku}</td>
              <td className="right soft">
                {whole(line.received)} / {whole(line.quantity)}
              </td>
              <td>
                <input
                  type="number"
                  min={0}
                  aria-label={`${t("paper.units")}: ${line.sku}`}
                  value={units[i]}
                  onChange={(event) =>
                    setUnits(units.map((old, j) => (i === j ? event.target.value : old)))
                  }
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="soft">{t("purchase.undo")}</p>
    </Doing>
  );
}

function One(props: { it: PurchaseOrder; onChanged: () => void }) {
  const { it } = props;
  const [form, setForm] = useState<"" | "receive" | "date" | "cancel">("");
  const [day, setDay] = useState(it.expected_at.slice(0, 10));
  const open = it.status === "open";
  useKeys({ r: () => open && setForm("receive") });
  const leave = () => setForm("");
  const done = () => {
    setForm("");
    props.onChanged();
  };
  return (
    <Panel
      title={it.purchase_order}
      note={
        <>
          <Status value={it.status} look={lookOf(it.status)} /> {it.supplier}
        </>
      }
      onClose={() => patch({ open: "" })}
    >
      <div className="row acts">
        <Act
          icon="plus"
          label={t("paper.receive")}
          hint="r"
          disabled={!open}
          onClick={() => setForm("receive")}
        />
        <Act
          icon="wait"
          label={t("purchase.date")}
          disabled={!open}
          onClick={() => setForm("date")}
        />
        <Act
          icon="none"
          label={t("act.cancel")}
          disabled={!open}
          onClick={() => setForm("cancel")}
        />
      </div>
      {form === "receive" && <Receive it={it} onDone={done} onLeave={leave} />}
      {form === "date" && (
        <Doing
          title={t("purchase.date")}
          action={t("act.save")}
          onCancel={leave}
          onDo={async () => {
            await put(it, { expected_at: `${day}T08:00:00Z` });
            done();
            said(t("purchase.moved"), async () => {
              await put(it);
              props.onChanged();
            });
          }}
        >
          <Field label={t("purchase.expected")}>
            <input type="date" value={day} onChange={(event) => setDay(event.target.value)} />
          </Field>
        </Doing>
      )}
      {form === "cancel" && (
        <Doing
          title={t("purchase.cancel_title")}
          action={t("act.cancel")}
          danger
          onCancel={leave}
          onDo={async () => {
            await put(it, { cancelled: true });
            done();
            said(t("purchase.cancelled"), async () => {
              await put(it);
              props.onChanged();
            });
          }}
        />
      )}
      <p className="why" title={absolute(it.expected_at)}>
        {t("purchase.says", {
          n: ordered(it) - received(it),
          place: it.location,
          when: relative(it.expected_at),
        })}
      </p>
      <table className="lines">
        <thead>
          <tr>
            <th>{t("line.sku")}</th>
            <th className="right">{t("purchase.ordered")}</th>
            <th className="right">{t("purchase.received")}</th>
          </tr>
        </thead>
        <tbody>
          {it.lines.map((line, i) => (
            <tr key={i}>
              <td>{line.sku}</td>
              <td className="right">{whole(line.quantity)}</td>
              <td className="right">{whole(line.received)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

export function Purchases() {
  const { params } = useRoute();
  const language = useLanguage();
  const found = useLoad(
    "purchases",
    () => all<PurchaseOrder>("purchase-orders", "purchase_orders"),
    EVERY_MS,
  );
  const places = useLoad("locations", () => all<Location>("locations", "locations"));
  const columns = useMemo(columnsOf, [language]);
  const status = params.get("status") ?? "";
  const needle = (params.get("q") ?? "").toLowerCase();
  const open = params.get("open") ?? "";
  const rows = useMemo(
    () =>
      found.value?.filter(
        (it) =>
          (!status || it.status === status) &&
          `${it.purchase_order} ${it.supplier ?? ""} ${it.lines.map((line) => line.sku).join(" ")}`
            .toLowerCase()
            .includes(needle),
      ) ?? null,
    [found.value, status, needle],
  );
  const it = found.value?.find((each) => each.purchase_order === open);
  const fresh = () => patch({ panel: "new", open: "" });
  useKeys({ N: fresh });
  return (
    <div className="split">
      <div className="main">
        <div className="filters">
          <SearchBox value={params.get("q") ?? ""} label={t("purchase.search")} />
          <Choice
            name={t("order.status")}
            value={status}
            options={[
              ["", t("orders.any_status")],
              ["open", t("status.open")],
              ["received", t("purchase.received")],
              ["cancelled", t("status.cancelled")],
            ]}
            onChange={(next) => patch({ status: next })}
          />
          <Closable className="primary" title="N" onClick={fresh}>
            <Icon name="plus" /> {t("purchase.new")}
          </Closable>
        </div>
        {found.error && <Trouble error={found.error} again={found.again} />}
        <Grid<PurchaseOrder>
          label={t("nav.purchases")}
          rows={rows}
          columns={columns}
          rowId={(row) => row.purchase_order}
          open={open}
          onOpen={(row) => patch({ open: row.purchase_order, panel: "" })}
          empty={
            <Empty title={t("purchase.none")}>
              <p>{t("purchase.none_how")}</p>
            </Empty>
          }
        />
        <p className="count soft">{rows && t("purchase.count", { n: rows.length })}</p>
      </div>
      {it && <One key={open} it={it} onChanged={found.again} />}
      {params.get("panel") === "new" && (
        <NewPurchase
          locations={places.value ?? []}
          onDone={found.again}
          onClose={() => patch({ panel: "" })}
        />
      )}
    </div>
  );
}
