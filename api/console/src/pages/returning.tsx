// What can be done with a return, and the forms for it.

import { useState } from "react";
import { call, freshId, get, path } from "../lib/api";
import { whole } from "../lib/format";
import { t, word } from "../lib/i18n";
import type { Location, Order, Return } from "../lib/types";
import { Choice, Doing, Field } from "../ui/bits";
import type { Change } from "./order";

export const DISPOSITIONS = ["restock", "quality_control", "damaged", "scrap"];
const REASONS = ["too small", "too large", "changed mind", "damaged", "wrong item", "late"];
const LOOKS: Record<string, string> = {
  requested: "backordered",
  approved: "open",
  received: "packed",
  rejected: "cancelled",
  closed: "delivered",
};

export const lookOfReturn = (status: string): string => LOOKS[status] ?? status;
export const keyOfReturn = (it: Return): string =>
  [it.channel, it.order_id, it.return_id].map(encodeURIComponent).join("/");
export const openReturn = (it: Return): boolean => !["rejected", "closed"].includes(it.status);

/** One step of a return; its answer is how it stands then. */
export const step = (it: Return, name: string, body: Record<string, unknown> = {}) =>
  call<Return>(
    "POST",
    path("orders", it.channel, it.order_id, "returns", it.return_id, name),
    body,
    { idem: freshId("step") },
  );

/** Announce that something comes back: units of what has left. */
export function BookForm(props: { order: Order; onChange: Change; onLeave: () => void }) {
  const { order } = props;
  const lines = order.lines.filter((line) => line.shipped);
  const [units, setUnits] = useState(lines.map((line) => String(line.shipped)));
  const [reason, setReason] = useState("changed mind");
  const wanted = lines
    .map((line, i) => ({ sku: line.sku, line_id: line.line_id, quantity: Number(units[i]) }))
    .filter((line) => line.quantity > 0);
  return (
    <Doing
      title={t("return.title")}
      action={t("return.book")}
      ready={wanted.length > 0 && reason.trim() !== ""}
      onCancel={props.onLeave}
      onDo={async () => {
        await call<Return>("POST", path("orders", order.channel, order.order_id, "returns"), {
          return_id: freshId("return"),
          reason: reason.trim(),
          approved: true,
          lines: wanted,
        });
        const now = await get<Order>(path("orders", order.channel, order.order_id));
        props.onChange(now, t("return.booked"));
      }}
    >
      <table className="lines">
        <tbody>
          {lines.map((line, i) => (
            <tr key={i}>
              <td>{line.sku}</td>
              <td className="soft right">{t("return.of", { n: line.shipped ?? 0 })}</td>
              <td>
                <input
                  type="number"
                  min={0}
                  max={line.shipped}
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
      <Field label={t("return.reason")}>
        <input
          list="return-reasons"
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
      </Field>
      <datalist id="return-reasons">
        {REASONS.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
    </Doing>
  );
}

interface StepProps {
  it: Return;
  onDone: (text: string) => void;
  onLeave: () => void;
}

/** Goods have arrived: into quality control, until somebody has looked. */
export function ArriveForm(props: StepProps & { locations: Location[] }) {
  const { it } = props;
  const rest = it.units.filter((each) => each.received < each.expected);
  // The locations may come later than the form.
  const [chosen, setPlace] = useState("");
  const place = chosen || (props.locations[0]?.location ?? "");
  const [units, setUnits] = useState(rest.map((each) => String(each.expected - each.received)));
  const lines = rest
    .map((each, i) => ({ sku: each.sku, quantity: Number(units[i]) }))
    .filter((line) => line.quantity > 0);
  const total = lines.reduce((sum, line) => sum + line.quantity, 0);
  return (
    <Doing
      scope="stock"
      title={t("return.arrive_title")}
      action={t("purchase.receive", { n: total })}
      ready={total > 0 && place !== ""}
      onCancel={props.onLeave}
      onDo={async () => {
        await step(it, "receipts", { receipt_id: freshId("parcel"), location: place, lines });
        props.onDone(t("return.arrived", { n: total }));
      }}
    >
      <Field label={t("sku.location")}>
        <Choice
          value={place}
          options={props.locations.map((each) => [each.location, each.location])}
          onChange={setPlace}
        />
      </Field>
      {rest.map((each, i) => (
        <Field key={each.sku} label={each.sku}>
          <input
            type="number"
            min={0}
            value={units[i]}
            onChange={(event) =>
              setUnits(units.map((old, j) => (i === j ? event.target.value : old)))
            }
          />
        </Field>
      ))}
    </Doing>
  );
}

/** Somebody has looked: what becomes of what waits at a location. */
export function InspectForm(props: StepProps) {
  const waiting = props.it.inspecting ?? [];
  const place = waiting[0]?.location ?? "";
  const here = waiting.filter((each) => each.location === place);
  const [chosen, setChosen] = useState(here.map(() => "restock"));
  return (
    <Doing
      scope="stock"
      title={t("return.inspect_title", { place })}
      action={t("return.inspect")}
      ready={here.length > 0}
      onCancel={props.onLeave}
      onDo={async () => {
        const lines = here.map((each, i) => ({
          sku: each.sku,
          quantity: each.quantity,
          disposition: chosen[i],
        }));
        await step(props.it, "inspections", {
          inspection_id: freshId("look"),
          location: place,
          lines,
        });
        props.onDone(t("return.inspected"));
      }}
    >
      {here.map((each, i) => (
        <Field key={each.sku} label={`${whole(each.quantity)} × ${each.sku}`}>
          <Choice
            value={chosen[i]!}
            options={DISPOSITIONS.map((name) => [name, word("disposition", name)])}
            onChange={(next) => setChosen(chosen.map((old, j) => (i === j ? next : old)))}
          />
        </Field>
      ))}
    </Doing>
  );
}
