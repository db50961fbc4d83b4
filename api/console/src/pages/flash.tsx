// Flash sale: pick SKUs, set the time, watch it run, read what came of it.

import { useEffect, useState } from "react";
import { get, path } from "../lib/api";
import { csv, save } from "../lib/csv";
import { relative, whole } from "../lib/format";
import { t } from "../lib/i18n";
import { newest } from "../lib/live";
import { patch, useRoute } from "../lib/route";
import { begin, forget, type Sale, SKUS_MOST, stop, useSale, type Watched } from "../lib/sale";
import type { Stock } from "../lib/types";
import { Doing, Field } from "../ui/bits";
import { Chart } from "../ui/chart";
import { Icon } from "../ui/icon";
import { Status } from "../ui/status";

const clock = (ms: number): string => new Date(ms).toLocaleTimeString();
const namesOf = (text: string): string[] => [
  ...new Set(
    text
      .split(/[\s,;]+/)
      .map((name) => name.trim())
      .filter(Boolean),
  ),
];

function Plan() {
  const { params } = useRoute();
  const [text, setText] = useState(params.get("skus") ?? "");
  const [when, setWhen] = useState(params.get("at") ?? "");
  const names = namesOf(text);
  return (
    <div className="settings">
      <Doing
        title={t("flash.plan")}
        action={t("flash.watch", { n: names.length })}
        ready={names.length > 0 && names.length <= SKUS_MOST}
        onCancel={() => setText("")}
        onDo={async () => {
          for (const sku of names) await get<Stock>(path("stock", sku)); // refused if unknown
          patch({ skus: names.join(" "), at: when }, { replace: true });
          begin(names, when ? new Date(when).getTime() : Date.now());
        }}
      >
        <Field label={t("flash.skus")} hint={t("flash.skus_how", { n: SKUS_MOST })}>
          <textarea rows={4} value={text} onChange={(event) => setText(event.target.value)} />
        </Field>
        <Field label={t("flash.at")} hint={t("flash.at_how")}>
          <input
            type="datetime-local"
            step={1}
            value={when}
            onChange={(event) => setWhen(event.target.value)}
          />
        </Field>
      </Doing>
    </div>
  );
}

function seconds(sale: Sale, one: Watched): string {
  return one.soldOutAt ? `${((one.soldOutAt - sale.startsAt) / 1_000).toFixed(1)} s` : "";
}

function report(sale: Sale): string {
  return csv(
    ["sku", "units at start", "sold", "left", "sold out after s"],
    sale.skus.map((one) => [
      one.sku,
      one.start,
      one.start - one.available,
      one.available,
      one.soldOutAt ? ((one.soldOutAt - sale.startsAt) / 1_000).toFixed(1) : "",
    ]),
  );
}

function Run({ sale }: { sale: Sale }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = window.setInterval(() => tick((n) => n + 1), 500);
    return () => window.clearInterval(timer);
  }, []);
  const start = sale.skus.reduce((sum, one) => sum + one.start, 0);
  const available = sale.skus.reduce((sum, one) => sum + Math.max(0, one.available), 0);
  const out = sale.skus.filter((one) => one.soldOutAt);
  const waits = Date.now() < sale.startsAt;
  const over = out.length === sale.skus.length;
  const lastOut = Math.max(...out.map((one) => one.soldOutAt!));
  const state = waits
    ? t("flash.begins", { when: relative(new Date(sale.startsAt).toISOString()) })
    : over
      ? t("flash.over", { when: clock(lastOut), n: (lastOut - sale.startsAt) / 1_000 })
      : sale.stopped
        ? t("flash.stopped")
        : t(sale.live ? "flash.runs" : "flash.connecting");
  return (
    <div className="now">
      <div className="row">
        <b role="status" className="grow">
          {state}
        </b>
        {!sale.stopped && (
          <button type="button" onClick={stop}>
            {t("flash.stop")}
          </button>
        )}
        <button type="button" onClick={() => save("flash-sale.csv", report(sale))}>
          <Icon name="download" /> {t("flash.report")}
        </button>
        <button type="button" onClick={forget}>
          {t("flash.another")}
        </button>
      </div>
      <div className="charts">
        <Chart
          title={t("flash.left")}
          at={sale.at}
          series={[[t("unit.available"), sale.available]]}
          value={`${whole(available)} / ${whole(start)}`}
        />
        <Chart
          title={t("flash.rate")}
          at={sale.at}
          series={[[t("flash.rate"), sale.rate]]}
          value={whole(newest(sale.rate))}
        />
      </div>
      <section className="card">
        <table>
          <thead>
            <tr>
              <th>{t("line.sku")}</th>
              <th className="right">{t("flash.start")}</th>
              <th className="right">{t("flash.sold")}</th>
              <th className="right">{t("flash.left")}</th>
              <th>{t("order.status")}</th>
              <th className="right">{t("flash.after")}</th>
            </tr>
          </thead>
          <tbody>
            {sale.skus.map((one) => (
              <tr key={one.sku}>
                <td>{one.sku}</td>
                <td className="right">{whole(one.start)}</td>
                <td className="right">{whole(one.start - one.available)}</td>
                <td className="right">{whole(one.available)}</td>
                <td>
                  <Status
                    value={one.soldOutAt ? "sold_out" : "on_sale"}
                    look={one.soldOutAt ? "cancelled" : "allocated"}
                  />
                </td>
                <td className="right">{seconds(sale, one)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </div>
  );
}

export function Flash() {
  const sale = useSale();
  return sale ? <Run sale={sale} /> : <Plan />;
}
