// Returns: what comes back, what has come, and what became of it.

import type { ColDef } from "ag-grid-community";
import { useMemo, useState } from "react";
import { all, get, path, query } from "../lib/api";
import { keyOf, whole } from "../lib/format";
import { t, useLanguage, word } from "../lib/i18n";
import { useKeys } from "../lib/keys";
import { useLoad } from "../lib/load";
import { href, patch, useRoute } from "../lib/route";
import type { Location, Page, Return } from "../lib/types";
import { Act, Empty, Panel, Skeleton, Trouble } from "../ui/bits";
import { Grid } from "../ui/grid";
import { SearchBox } from "../ui/search";
import { Status } from "../ui/status";
import { attempt, said } from "../ui/toast";
import { Views } from "../ui/views";
import { ArriveForm, InspectForm, keyOfReturn, lookOfReturn, openReturn, step } from "./returning";

const EVERY_MS = 3_000;
const MOST = 500;
const NARROW = window.matchMedia("(max-width: 720px)");
const BUILT_IN: [string, Record<string, string>][] = [
  ["view.all", {}],
  ["view.requested", { status: "requested" }],
  ["view.coming", { status: "approved" }],
  ["view.to_inspect", { status: "received" }],
  ["view.closed", { status: "closed" }],
];

const sum = (it: Return, name: "expected" | "received"): number =>
  it.units.reduce((total, each) => total + each[name], 0);

function columnsOf(): ColDef<Return>[] {
  const wide: ColDef<Return>[] = [
    { headerName: t("order.channel"), field: "channel", width: 110 },
    { headerName: t("return.reason"), field: "reason", minWidth: 140, flex: 1 },
    {
      headerName: t("return.expected"),
      type: "rightAligned",
      width: 100,
      valueGetter: ({ data }) => data && sum(data, "expected"),
      valueFormatter: ({ value }) => whole(value),
    },
    {
      headerName: t("return.to_inspect"),
      type: "rightAligned",
      width: 110,
      valueGetter: ({ data }) =>
        data?.inspecting?.reduce((total, each) => total + each.quantity, 0) ?? 0,
      valueFormatter: ({ value }) => (value ? whole(value) : ""),
    },
  ];
  return [
    {
      headerName: t("order.status"),
      field: "status",
      width: 125,
      cellRenderer: ({ value }: { value: string }) => (
        <Status value={value} look={lookOfReturn(value)} />
      ),
    },
    { headerName: t("return.return"), field: "return_id", minWidth: 120, width: 170 },
    { headerName: t("order.order"), field: "order_id", width: 110 },
    ...(NARROW.matches ? [] : wide),
    {
      headerName: t("return.received"),
      type: "rightAligned",
      width: 90,
      valueGetter: ({ data }) => data && sum(data, "received"),
      valueFormatter: ({ value }) => whole(value),
    },
  ];
}

function Units({ it }: { it: Return }) {
  return (
    <table className="lines">
      <thead>
        <tr>
          <th>{t("line.sku")}</th>
          <th className="right">{t("return.expected")}</th>
          <th className="right">{t("return.received")}</th>
        </tr>
      </thead>
      <tbody>
        {it.units.map((each, i) => (
          <tr key={i}>
            <td>{each.sku}</td>
            <td className="right">{whole(each.expected)}</td>
            <td className="right">{whole(each.received)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function One(props: { id: string; locations: Location[]; onChanged: () => void }) {
  const [channel = "", orderId = "", name = ""] = props.id.split("/").map(decodeURIComponent);
  const found = useLoad<Return>(
    `return ${props.id}`,
    (signal) => get(path("orders", channel, orderId, "returns", name), signal),
    EVERY_MS,
  );
  const [form, setForm] = useState<"" | "arrive" | "inspect">("");
  const it = found.value;
  const done = (text: string) => {
    setForm("");
    found.again();
    props.onChanged();
    said(text);
  };
  const simple = (word: "approve" | "close", text: string) =>
    attempt(async () => {
      await step(it!, word);
      done(text);
    });
  const open = !!it && openReturn(it);
  const can = {
    approve: it?.status === "requested",
    arrive: open && it.units.some((each) => each.received < each.expected),
    inspect: !!it?.inspecting?.length,
  };
  useKeys({
    r: () => can.arrive && setForm("arrive"),
    i: () => can.inspect && setForm("inspect"),
  });
  const leave = () => setForm("");
  return (
    <Panel
      title={name}
      note={
        it && (
          <>
            <Status value={it.status} look={lookOfReturn(it.status)} />{" "}
            <a href={href("orders", { open: keyOf(it) })}>{it.order_id}</a> · {it.channel}
          </>
        )
      }
      onClose={() => patch({ open: "" })}
    >
      {found.error && <Trouble error={found.error} again={found.again} />}
      {!it && !found.error && <Skeleton />}
      {it && (
        <>
          <div className="row acts">
            {can.approve && (
              <Act
                icon="check"
                label={t("return.approve")}
                onClick={() => void simple("approve", t("return.approved"))}
              />
            )}
            <Act
              icon="plus"
              label={t("paper.receive")}
              hint="r"
              disabled={!can.arrive}
              onClick={() => setForm("arrive")}
            />
            <Act
              icon="search"
              label={t("return.inspect")}
              hint="i"
              disabled={!can.inspect}
              onClick={() => setForm("inspect")}
            />
            <Act
              icon="none"
              label={t("act.close")}
              disabled={!open || can.inspect}
              onClick={() => void simple("close", t("return.closed"))}
            />
          </div>
          {form === "arrive" && (
            <ArriveForm it={it} locations={props.locations} onDone={done} onLeave={leave} />
          )}
          {form === "inspect" && <InspectForm it={it} onDone={done} onLeave={leave} />}
          <p className="why">
            {it.reason}
            {it.why && ` · ${it.why}`}
            {it.tracking_number && ` · ${it.carrier ?? ""} ${it.tracking_number}`}
          </p>
          <Units it={it} />
          {[...(it.inspecting ?? []), ...(it.inspected ?? [])].map((each, i) => (
            <p key={i}>
              {whole(each.quantity)} × {each.sku} · {each.location} ·{" "}
              {"disposition" in each
                ? word("disposition", String(each.disposition))
                : t("return.waits")}
            </p>
          ))}
        </>
      )}
    </Panel>
  );
}

export function Returns() {
  const { params } = useRoute();
  const language = useLanguage();
  const status = params.get("status") ?? "";
  const found = useLoad<Return[]>(
    `returns ${status}`,
    async (signal) =>
      (await get<Page<"returns", Return>>("v1/returns" + query({ status, limit: MOST }), signal))
        .returns,
    EVERY_MS,
  );
  const places = useLoad("locations", () => all<Location>("locations", "locations"));
  const columns = useMemo(columnsOf, [language]);
  const needle = (params.get("q") ?? "").toLowerCase();
  const open = params.get("open") ?? "";
  const rows = useMemo(
    () =>
      found.value?.filter((it) =>
        `${it.return_id} ${it.order_id} ${it.tracking_number ?? ""}`.toLowerCase().includes(needle),
      ) ?? null,
    [found.value, needle],
  );
  return (
    <div className="split">
      <div className="main">
        <Views store="returns" builtIn={BUILT_IN} names={["status", "q"]} />
        <div className="filters">
          <SearchBox value={params.get("q") ?? ""} label={t("return.search")} />
        </div>
        {found.error && <Trouble error={found.error} again={found.again} />}
        <Grid<Return>
          label={t("nav.returns")}
          rows={rows}
          columns={columns}
          rowId={keyOfReturn}
          open={open}
          onOpen={(it) => patch({ open: keyOfReturn(it) })}
          empty={
            <Empty title={t("return.none")}>
              <p>{t("return.none_how")}</p>
            </Empty>
          }
        />
        <p className="count soft">{rows && t("return.count", { n: rows.length })}</p>
      </div>
      {open && <One key={open} id={open} locations={places.value ?? []} onChanged={found.again} />}
    </div>
  );
}
