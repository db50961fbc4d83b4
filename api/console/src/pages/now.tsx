// Now: what is going on, at one look.

import { keyOf, placesOf, unitsOf, waitingOf, whole } from "../lib/format";
import { t, word } from "../lib/i18n";
import { add, useCurves } from "../lib/curves";
import { useChannel, useShown } from "../lib/live";
import { href } from "../lib/route";
import { demo } from "../ui/demo";
import { Empty, Skeleton, Trouble } from "../ui/bits";
import { Chart } from "../ui/chart";
import { Status } from "../ui/status";
import type { Order } from "../lib/types";

const SOLD_SHOWN = 60;
const LAG_S = 10; // of views, from which it is said in colour
const WAITING = ["exception", "on_hold", "backordered", "partially_allocated"];

const ms = (value: number | null): string => (value === null ? "–" : `${value.toFixed(1)} ms`);

function Tile(props: { label: string; value: string; link?: string; tone?: string }) {
  const inside = (
    <>
      <span className="soft">{props.label}</span>
      <b className={props.tone}>{props.value}</b>
    </>
  );
  return props.link ? (
    <a className="tile" href={props.link}>
      {inside}
    </a>
  ) : (
    <div className="tile">{inside}</div>
  );
}

function Latest({ orders }: { orders: Order[] }) {
  return (
    <section className="card wide">
      <h2>{t("now.latest")}</h2>
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>{t("order.status")}</th>
              <th>{t("order.order")}</th>
              <th>{t("order.channel")}</th>
              <th className="right">{t("order.units")}</th>
              <th className="right">{t("order.waiting")}</th>
              <th>{t("order.from")}</th>
            </tr>
          </thead>
          <tbody>
            {orders.map((order) => (
              <tr key={keyOf(order)}>
                <td>
                  <Status value={order.status} />
                </td>
                <td>
                  <a href={href("orders", { open: keyOf(order) })}>{order.order_id}</a>
                </td>
                <td>{order.channel}</td>
                <td className="right">{whole(unitsOf(order))}</td>
                <td className="right">{waitingOf(order) ? whole(waitingOf(order)) : ""}</td>
                <td>
                  {placesOf(order)
                    .map(([place]) => place)
                    .join(", ")}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

export function Now() {
  const curves = useCurves();
  useShown({ now: true }, { now: add });
  const { beat, lost } = useChannel();
  const { overview: found, gauges } = curves.told ?? {};
  if (!found && lost) return <Trouble error={lost} again={() => location.reload()} />;
  if (!found || !gauges) return <Skeleton lines={10} />;
  const rows = found.rows;
  if (!rows.skus) {
    return (
      <Empty title={t("now.first")}>
        <p>{t("now.first_how")}</p>
        <p>
          <button type="button" className="primary" onClick={() => void demo("load")}>
            {t("demo.load")}
          </button>
        </p>
        <p className="soft">{t("demo.how")}</p>
        <p>
          <a href={href("locations")}>{t("nav.locations")}</a> ·{" "}
          <a href={href("stock")}>{t("nav.stock")}</a> · <a href="docs">API</a>
        </p>
      </Empty>
    );
  }
  return (
    <div className="now">
      <div className="tiles">
        <Tile label={t("now.orders")} value={whole(rows.orders ?? 0)} link={href("orders")} />
        <Tile label={t("now.reservations")} value={whole(rows.reservations_live ?? 0)} />
        <Tile
          label={t("unit.available")}
          value={whole(found.units.available)}
          link={href("stock")}
        />
        <Tile label={t("unit.on_hand")} value={whole(found.units.on_hand)} />
        <Tile label={t("unit.reserved")} value={whole(found.units.reserved)} />
        <Tile label={t("unit.allocated")} value={whole(found.units.allocated)} />
        <Tile label={t("unit.unavailable")} value={whole(found.units.unavailable)} />
        <Tile
          label={t("now.sold_out")}
          value={whole(found.sold_out.length)}
          tone={found.sold_out.length ? "warn" : ""}
        />
        {WAITING.map((status) => (
          <Tile
            key={status}
            label={word("status", status)}
            value={whole(beat?.standing[status] ?? 0)}
            tone={beat?.standing[status] ? "warn" : ""}
            link={href("orders", { status })}
          />
        ))}
        <Tile label={t("now.queue")} value={whole(gauges.queue)} />
        <Tile label={t("now.log_lag")} value={whole(gauges.undurable)} />
        <Tile
          label={t("now.views_lag")}
          value={gauges.views_lag_s === null ? "–" : `${gauges.views_lag_s.toFixed(1)} s`}
          tone={(gauges.views_lag_s ?? 0) > LAG_S ? "warn" : ""}
        />
      </div>
      <div className="charts">
        <Chart
          title={t("now.orders_rate")}
          at={curves.at}
          series={[
            [t("now.orders"), curves.orders],
            [t("now.units"), curves.units],
          ]}
          value={`${whole(gauges.orders_per_s)} · ${whole(gauges.units_per_s)}`}
        />
        <Chart
          title={t("now.decided_rate")}
          at={curves.at}
          series={[
            [t("now.decided"), curves.decided],
            [t("now.refused"), curves.refused],
          ]}
          value={whole(gauges.decided_per_s)}
        />
        <Chart
          title={t("now.latency")}
          unit=" ms"
          at={curves.at}
          series={[
            [t("now.p99"), curves.p99],
            [t("now.p50"), curves.p50],
          ]}
          value={`${ms(gauges.p50_ms)} · ${ms(gauges.p99_ms)}`}
        />
      </div>
      <Latest orders={found.latest} />
      <section className="card wide">
        <h2>
          {t("now.sold_out")} <b>{whole(found.sold_out.length)}</b>
        </h2>
        {found.sold_out.length === 0 ? (
          <p className="soft">{t("now.nothing_sold_out")}</p>
        ) : (
          <ul className="chips">
            {found.sold_out.slice(0, SOLD_SHOWN).map((sku) => (
              <li key={sku}>
                <a href={href("stock", { q: sku, open: sku })}>{sku}</a>
              </li>
            ))}
          </ul>
        )}
        {found.skus_seen < (rows.skus ?? 0) && (
          <p className="soft">{t("now.seen", { n: found.skus_seen })}</p>
        )}
      </section>
      <p className="soft">
        {t("now.where", { seq: found.seq, epoch: found.epoch, state: word("state", found.state) })}
      </p>
    </div>
  );
}
