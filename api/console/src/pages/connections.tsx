// Connections: accounts at channels, how each is doing, and what somebody has to look at.

import type { ColDef } from "ag-grid-community";
import { useMemo } from "react";
import { get } from "../lib/api";
import {
  type Connection,
  type Doing,
  HEALTHS,
  type Health,
  lasting,
  waitingOf,
} from "../lib/connections";
import { absolute, whole } from "../lib/format";
import { t, useLanguage } from "../lib/i18n";
import { useLoad } from "../lib/load";
import { patch, useRoute } from "../lib/route";
import { Ago, Empty, Trouble } from "../ui/bits";
import { Grid } from "../ui/grid";
import { HealthOf } from "../ui/health";
import { Spark } from "../ui/spark";
import { ConnectionPanel } from "./connection";

const NARROW = window.matchMedia("(max-width: 720px)");
const EVERY_MS = 2_000;
/** A column of a number that is only worth a look where it is not 0. */
function counted(
  name: string,
  value: (status: Doing) => number,
  width: number,
): ColDef<Connection> {
  return {
    headerName: name,
    type: "rightAligned",
    width,
    valueGetter: ({ data }) => data?.status && value(data.status),
    valueFormatter: ({ value: n }) => (n ? whole(n) : n === 0 ? "–" : ""),
  };
}

function columnsOf(): ColDef<Connection>[] {
  const dead = counted(t("connection.dead"), (it) => it.dead, 66);
  const wide: ColDef<Connection>[] = [
    counted(t("connection.waiting"), waitingOf, 80),
    {
      ...counted(t("connection.stale"), (it) => it.stale_s, 90),
      valueFormatter: ({ value }) => (value ? lasting(value) : value === 0 ? "–" : ""),
    },
    counted(t("connection.inbox"), (it) => it.inbox, 70),
    {
      headerName: t("connection.p99"),
      width: 148,
      valueGetter: ({ data }) => data?.status?.p99_ms,
      cellRenderer: ({ data }: { data?: Connection }) =>
        data?.status && (
          <span className="lag">
            <Spark values={data.status.p99_by_minute_ms} />
            {data.status.p99_ms === null ? "–" : lasting(data.status.p99_ms / 1e3)}
          </span>
        ),
    },
    { headerName: t("order.channel"), field: "channel", width: 96 },
    { headerName: t("connection.connector"), field: "connector", width: 116 },
    counted(t("connection.drifted"), (it) => it.drifted, 66),
    {
      headerName: t("connection.swept"),
      minWidth: 96,
      flex: 1,
      valueGetter: ({ data }) => data?.status?.swept_until ?? "",
      cellRenderer: ({ value }: { value?: string }) =>
        value ? (
          <span title={absolute(value)}>
            <Ago at={value} />
          </span>
        ) : (
          t("connection.never")
        ),
    },
  ];
  return [
    { headerName: t("connection.account"), field: "account", width: 116 },
    {
      headerName: t("connection.health"),
      width: 132,
      comparator: (a: Health, b: Health) => HEALTHS.indexOf(a) - HEALTHS.indexOf(b),
      field: "health",
      cellRenderer: ({ value }: { value: Health }) => <HealthOf health={value} />,
    },
    ...(NARROW.matches ? [{ ...dead, flex: 1, width: undefined, minWidth: 66 }] : [dead, ...wide]),
  ];
}

function Nothing() {
  return (
    <Empty title={t("connection.none")}>
      <p>{t("connection.none_how")}</p>
      <pre className="command">{`dibs channels connectors
dibs channels connect shopify my-shop --url https://… --channel web
dibs channels listings my-shop listings.csv`}</pre>
      <p className="soft">{t("connection.none_then")}</p>
    </Empty>
  );
}

export function Connections() {
  const { params } = useRoute();
  const language = useLanguage();
  const found = useLoad(
    "connections",
    async (signal) =>
      (await get<{ connections: Connection[] }>("v1/connections", signal)).connections,
    EVERY_MS,
    true,
  );
  const columns = useMemo(columnsOf, [language]);
  const open = params.get("open") ?? "";
  const chosen = params.get("health") ?? "";
  const all = found.value ?? [];
  const rows = useMemo(
    () =>
      found.value
        ?.filter((row) => !chosen || row.health === chosen)
        .sort((a, b) => HEALTHS.indexOf(a.health) - HEALTHS.indexOf(b.health)) ?? null,
    [found.value, chosen],
  );
  const it = all.find((row) => row.account === open);
  return (
    <div className="split">
      <div className="main">
        {all.length > 0 && (
          <div className="views" role="group" aria-label={t("connection.health")}>
            <button type="button" aria-pressed={!chosen} onClick={() => patch({ health: "" })}>
              {t("view.all")} <b>{whole(all.length)}</b>
            </button>
            {HEALTHS.map((health) => {
              const n = all.filter((row) => row.health === health).length;
              if (!n && chosen !== health) return null;
              return (
                <button
                  type="button"
                  key={health}
                  aria-pressed={chosen === health}
                  onClick={() => patch({ health })}
                >
                  <HealthOf health={health} /> <b>{whole(n)}</b>
                </button>
              );
            })}
          </div>
        )}
        {found.error && <Trouble error={found.error} again={found.again} />}
        {!(found.error && !found.value) && (
          <Grid<Connection>
            label={t("nav.connections")}
            rows={rows}
            columns={columns}
            rowId={(row) => row.account}
            open={open}
            onOpen={(row) => patch({ open: row.account })}
            empty={<Nothing />}
          />
        )}
        <p className="count soft">
          {found.value && t("connection.count", { n: found.value.length })}
        </p>
      </div>
      {it && <ConnectionPanel key={it.account} it={it} onChanged={found.again} />}
    </div>
  );
}
