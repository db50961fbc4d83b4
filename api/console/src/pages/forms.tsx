// The forms of an order's panel. Each does one thing, and says what will come of it.

import { useState } from "react";
import { get, path } from "../lib/api";
import { placesOf, whole } from "../lib/format";
import { t, word } from "../lib/i18n";
import type { Order } from "../lib/types";
import { Choice, Doing, Field } from "../ui/bits";
import {
  cancel,
  edit,
  editBack,
  type EditWish,
  hold,
  type HoldWish,
  left,
  merge,
  nameable,
  nameOf,
  release,
  ship,
  split,
  wanted,
} from "./actions";
import type { Change } from "./order";

interface FormProps {
  order: Order;
  onChange: Change;
  onLeave: () => void;
}

const REASONS = [
  "operator",
  "payment",
  "review",
  "bad_address",
  "duplicate",
  "quantity",
  "cool_off",
  "unknown_sku",
  "non_stock",
];
const THENS = ["escalate", "release", "cancel"];
const named = (group: string, values: string[]): [string, string][] =>
  values.map((value) => [value, word(group, value)]);

/** What a hold is to be; used for one order and for many. */
export function useHoldWish(): [HoldWish, React.ReactNode] {
  const [wish, setWish] = useState<HoldWish>({
    reason: "operator",
    then: "escalate",
    keeps_stock: true,
  });
  const fields = (
    <>
      <Field label={t("hold.reason")}>
        <Choice
          value={wish.reason}
          options={named("reason", REASONS)}
          onChange={(reason) => setWish({ ...wish, reason })}
        />
      </Field>
      <Field label={t("hold.owner")}>
        <input
          value={wish.owner ?? ""}
          onChange={(event) => setWish({ ...wish, owner: event.target.value || undefined })}
        />
      </Field>
      <div className="pair">
        <Field label={t("hold.minutes")}>
          <input
            type="number"
            min={1}
            placeholder={t("hold.no_end")}
            value={wish.minutes ?? ""}
            onChange={(event) =>
              setWish({ ...wish, minutes: Number(event.target.value) || undefined })
            }
          />
        </Field>
        <Field label={t("hold.then")}>
          <Choice
            value={wish.then}
            options={named("then", THENS)}
            onChange={(then) => setWish({ ...wish, then })}
          />
        </Field>
      </div>
      <label className="check">
        <input
          type="checkbox"
          checked={wish.keeps_stock}
          onChange={(event) => setWish({ ...wish, keeps_stock: event.target.checked })}
        />
        {t("hold.keeps_stock")}
      </label>
    </>
  );
  return [wish, fields];
}

export function HoldForm(props: { orders: Order[]; onChange: Change; onLeave: () => void }) {
  const [wish, fields] = useHoldWish();
  const order = props.orders[0]!;
  return (
    <Doing
      title={t("hold.title")}
      action={t("act.hold")}
      onCancel={props.onLeave}
      onDo={async () => {
        const { now, id } = await hold(order, wish);
        props.onChange(now, t("done.held", { id: order.order_id }), () => release(now, id));
      }}
    >
      {fields}
    </Doing>
  );
}

export interface ParcelWish {
  carrier?: string;
  tracking_number?: string;
}

/** What is known of a parcel that leaves; used for an order and for the work of one location. */
export function useParcelWish(): [ParcelWish, React.ReactNode] {
  const [carrier, setCarrier] = useState("");
  const [tracking, setTracking] = useState("");
  const wish = {
    ...(carrier.trim() ? { carrier: carrier.trim() } : {}),
    ...(tracking.trim() ? { tracking_number: tracking.trim() } : {}),
  };
  const fields = (
    <div className="pair">
      <Field label={t("ship.tracking")}>
        <input value={tracking} onChange={(event) => setTracking(event.target.value)} />
      </Field>
      <Field label={t("ship.carrier")}>
        <input value={carrier} onChange={(event) => setCarrier(event.target.value)} />
      </Field>
    </div>
  );
  return [wish, fields];
}

export function ShipForm({ order, onChange, onLeave }: FormProps) {
  const places = placesOf(order);
  const [place, setPlace] = useState("");
  const [wish, fields] = useParcelWish();
  const total = places.reduce((sum, [, units]) => sum + units, 0);
  const units = place ? (places.find(([name]) => name === place)?.[1] ?? 0) : total;
  return (
    <Doing
      scope="stock"
      title={t("ship.title", { n: units })}
      action={t("act.ship")}
      onCancel={onLeave}
      onDo={async () => {
        await ship(order, { ...(place ? { location: place } : {}), ...wish });
        const now = await get<Order>(path("orders", order.channel, order.order_id));
        onChange(now, t("done.shipped", { n: units }));
      }}
    >
      <Field label={t("ship.from")}>
        <Choice
          value={place}
          onChange={setPlace}
          options={[
            ["", t("ship.everywhere")],
            ...places.map(([name, n]): [string, string] => [name, `${name} (${whole(n)})`]),
          ]}
        />
      </Field>
      {fields}
      <p className="soft">{t("ship.final")}</p>
    </Doing>
  );
}

export function CancelForm({ order, onChange, onLeave }: FormProps) {
  const [reason, setReason] = useState("");
  const units = order.lines.reduce((sum, line) => sum + left(line), 0);
  return (
    <Doing
      title={t("cancel.title", { n: units })}
      action={t("cancel.do")}
      danger
      onCancel={onLeave}
      onDo={async () => {
        const now = await cancel(order, null, reason.trim());
        onChange(now, t("done.cancelled", { id: order.order_id }));
      }}
    >
      <Field label={t("cancel.reason")}>
        <input value={reason} onChange={(event) => setReason(event.target.value)} />
      </Field>
      <p className="soft">{t("cancel.final")}</p>
    </Doing>
  );
}

export function SplitForm({ order, onChange, onLeave }: FormProps) {
  const [id, setId] = useState(`${order.order_id}-b`);
  return (
    <Doing
      title={t("split.title")}
      action={t("act.split")}
      ready={id.trim() !== ""}
      onCancel={onLeave}
      onDo={async () => {
        const part = await split(order, id.trim());
        const now = await get<Order>(path("orders", order.channel, order.order_id));
        onChange(now, t("done.split", { id: part.order_id }), () => merge(now, part.order_id));
      }}
    >
      <Field label={t("split.new")} hint={t("split.hint")}>
        <input value={id} onChange={(event) => setId(event.target.value)} />
      </Field>
    </Doing>
  );
}

/** Minor units from what was typed; undefined if it is no price. */
function minor(text: string): number | undefined {
  const value = Math.round(Number(text.replace(",", ".")) * 100);
  return text.trim() === "" || !Number.isFinite(value) || value < 0 ? undefined : value;
}

const price = (value?: number): string => (value === undefined ? "" : (value / 100).toFixed(2));

export function EditForm({ order, onChange, onLeave }: FormProps) {
  const [units, setUnits] = useState(order.lines.map((line) => String(wanted(line))));
  const [prices, setPrices] = useState(order.lines.map((line) => price(line.unit_price)));
  const [note, setNote] = useState(order.note ?? "");
  const [customer, setCustomer] = useState(order.customer ?? "");
  const [short, setShort] = useState("refuse");
  const changed = order.lines
    .map((line, i) => ({ line, quantity: Number(units[i]), cost: minor(prices[i] ?? "") }))
    .filter(({ line, quantity, cost }) => quantity !== wanted(line) || cost !== line.unit_price);
  const texts = note !== (order.note ?? "") || customer !== (order.customer ?? "");
  const at = <T,>(list: T[], i: number, value: T): T[] =>
    list.map((old, j) => (i === j ? value : old));
  const save = async () => {
    const wish: EditWish = {
      expected_seq: order.seq,
      when_short: short,
      lines: changed.map(({ line, quantity, cost }) => ({
        ...nameOf(line),
        quantity,
        ...(cost === undefined ? {} : { unit_price: cost }),
      })),
      ...(note === (order.note ?? "") ? {} : { note }),
      ...(customer === (order.customer ?? "") ? {} : { customer }),
    };
    const now = await edit(order, wish);
    const back = { note: order.note ?? "", customer: order.customer ?? "" };
    onChange(now, t("done.edited", { id: order.order_id }), () =>
      editBack(
        order,
        changed.map(({ line }) => line),
        texts ? back : {},
      ),
    );
  };
  return (
    <Doing
      title={t("edit.title")}
      action={t("act.save")}
      ready={changed.length > 0 || texts}
      onCancel={onLeave}
      onDo={save}
    >
      <table className="lines">
        <thead>
          <tr>
            <th>{t("line.sku")}</th>
            <th>{t("line.wanted")}</th>
            <th>{t("edit.price")}</th>
          </tr>
        </thead>
        <tbody>
          {order.lines.map((line, i) => (
            <tr key={i}>
              <td>{line.sku}</td>
              <td>
                <input
                  type="number"
                  min={line.shipped ?? 0}
                  aria-label={`${t("line.wanted")}: ${line.sku}`}
                  disabled={!nameable(order, line)}
                  value={units[i]}
                  onChange={(event) => setUnits(at(units, i, event.target.value))}
                />
              </td>
              <td>
                <input
                  inputMode="decimal"
                  aria-label={`${t("edit.price")}: ${line.sku}`}
                  disabled={!nameable(order, line)}
                  value={prices[i]}
                  onChange={(event) => setPrices(at(prices, i, event.target.value))}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <Field label={t("edit.short")}>
        <Choice
          value={short}
          options={named("short", ["refuse", "backorder", "split", "complete"])}
          onChange={setShort}
        />
      </Field>
      <Field label={t("order.customer")}>
        <input value={customer} onChange={(event) => setCustomer(event.target.value)} />
      </Field>
      <Field label={t("order.note")}>
        <input value={note} onChange={(event) => setNote(event.target.value)} />
      </Field>
    </Doing>
  );
}
