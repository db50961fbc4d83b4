// Flash sale: pick SKUs, set the time, watch it run, read what came of it.

import { useEffect, useState } from "react";
import type { Refusal } from "../lib/api";
import { csv, save } from "../lib/csv";
import { relative, whole } from "../lib/format";
import { t } from "../lib/i18n";
import { patch, useRoute } from "../lib/route";
import {
  AHEAD_S_MAX,
  beginNow,
  callOff,
  forget,
  join,
  plan,
  type Sale,
  SKUS_MOST,
  stop,
  useSale,
  type Watched,
} from "../lib/sale";
import { Closable, Doing, Field, Skeleton, Trouble } from "../ui/bits";
import { Chart } from "../ui/chart";
import { Icon } from "../ui/icon";
import { Status } from "../ui/status";
import { attempt, said } from "../ui/toast";

const clock = (ms: number): string => new Date(ms).toLocaleTimeString();
const namesOf = (text: string): string[] => [
  ...new Set(
    text
      .split(/[\s,;]+/)
      .map((name) => name.trim())
      .filter(Boolean),
  ),
];

const SOON: [number, "flash.in_minute" | "flash.in_ten" | "flash.in_hour"][] = [
  [60, "flash.in_minute"],
  [600, "flash.in_ten"],
  [3_600, "flash.in_hour"],
];

/** A moment as a field of local date and time takes it. */
const fieldOf = (ms: number): string => {
  const date = new Date(ms);
  return new Date(ms - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
};

function Plan() {
  const { params } = useRoute();
  const [text, setText] = useState(params.get("skus") ?? "");
  const [when, setWhen] = useState(params.get("at") ?? "");
  const names = namesOf(text);
  const startsAt = when ? new Date(when).getTime() : 0;
  const ahead = startsAt - Date.now();
  const far = ahead > AHEAD_S_MAX * 1_000;
  const soon = (seconds: number) => setWhen(fieldOf(Date.now() + seconds * 1_000));
  return (
    <div className="settings">
      <Doing
        title={t("flash.plan")}
        scope={when ? "sell" : "read"}
        action={t(when ? "flash.schedule" : "flash.watch", { n: names.length })}
        ready={names.length > 0 && names.length <= SKUS_MOST && !far && (!when || ahead > 0)}
        onCancel={() => setText("")}
        onDo={async () => {
          if (!when) return beginNow(names);
          const id = await plan(names, startsAt);
          patch({ skus: "", at: "", sale: id }, { replace: true });
          said(t("flash.planned", { n: names.length }), off);
        }}
      >
        <Field label={t("flash.skus")} hint={t("flash.skus_how", { n: SKUS_MOST })}>
          <textarea rows={4} value={text} onChange={(event) => setText(event.target.value)} />
        </Field>
        <Field label={t("flash.at")} hint={t(far ? "flash.too_far" : "flash.at_how")}>
          <input
            type="datetime-local"
            step={1}
            value={when}
            onChange={(event) => setWhen(event.target.value)}
          />
        </Field>
        <div className="row">
          {SOON.map(([seconds, label]) => (
            <button type="button" key={label} onClick={() => soon(seconds)}>
              {t(label)}
            </button>
          ))}
        </div>
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

const leave = (): void => {
  patch({ sale: "" }, { replace: true }); // first: what is in the address is joined
  forget();
};

const off = async (): Promise<void> => {
  patch({ sale: "" }, { replace: true });
  await callOff();
};

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
  const kept = sale.skus.reduce((sum, one) => sum + one.kept, 0);
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
        {waits && sale.id && (
          <Closable
            scope="sell"
            className="danger"
            onClick={() => void attempt(off).then((went) => went && said(t("flash.called_off")))}
          >
            {t("flash.call_off")}
          </Closable>
        )}
        {!sale.stopped && !waits && (
          <button type="button" onClick={stop}>
            {t("flash.stop")}
          </button>
        )}
        <button type="button" onClick={() => save("flash-sale.csv", report(sale))}>
          <Icon name="download" /> {t("flash.report")}
        </button>
        <button type="button" onClick={leave}>
          {t("flash.another")}
        </button>
      </div>
      {waits && kept > 0 && <p className="why">{t("flash.kept", { n: kept })}</p>}
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
          value={whole(sale.rate.at(-1) ?? 0)}
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

/** A sale that another tab has planned, by its address. */
function Join({ id }: { id: string }) {
  const [error, setError] = useState<Refusal | null>(null);
  const look = () => {
    setError(null);
    join(id).catch((refusal: unknown) => setError(refusal as Refusal));
  };
  useEffect(look, [id]);
  return error ? <Trouble error={error} again={look} /> : <Skeleton />;
}

export function Flash() {
  const sale = useSale();
  const { params } = useRoute();
  const id = params.get("sale");
  if (sale) return <Run sale={sale} />;
  return id ? <Join id={id} /> : <Plan />;
}
