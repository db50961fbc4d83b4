// Now: what is going on, at one look.

import { keyOf, placesOf, unitsOf, waitingOf, whole } from "../lib/format";
import { t, word } from "../lib/i18n";
import { newest, usePulse } from "../lib/live";
import { href } from "../lib/route";
import { Empty, Skeleton } from "../ui/bits";
import { Chart } from "../ui/chart";
import { Status } from "../ui/status";
import type { Order } from "../lib/types";

const SOLD_SHOWN = 60;

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
  const pulse = usePulse();
  const found = pulse.overview;
  if (!found) return <Skeleton lines={10} />;
  const rows = found.rows;
  if (!rows.skus) {
    return (
      <Empty title={t("now.first")}>
        <p>{t("now.first_how")}</p>
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
        <Tile label={t("now.queue")} value={whole(pulse.queue)} />
      </div>
      <div className="charts">
        <Chart
          title={t("now.orders_rate")}
          at={pulse.at}
          series={[[t("now.orders"), pulse.orders]]}
          value={whole(newest(pulse.orders))}
        />
        <Chart
          title={t("now.decided_rate")}
          at={pulse.at}
          series={[
            [t("now.decided"), pulse.commands],
            [t("now.refused"), pulse.refusals],
          ]}
          value={whole(newest(pulse.commands))}
        />
        <Chart
          title={t("now.latency")}
          unit=" ms"
          at={pulse.at}
          series={[
            [t("now.durable"), pulse.append],
            [t("now.answer"), pulse.answer],
          ]}
          value={`${newest(pulse.append).toFixed(1)} ms`}
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
