// Receive, adjust, count, transfer one SKU. What will be on hand after it is shown before.

import { useState } from "react";
import { whole } from "../lib/format";
import { t, word } from "../lib/i18n";
import type { Location, Position, Stock } from "../lib/types";
import { Choice, Doing, Field } from "../ui/bits";
import {
  adjust,
  adjustBack,
  type AdjustLine,
  count,
  receive,
  receiveBack,
  transfer,
} from "./papers";

export type PaperKind = "receive" | "adjust" | "count" | "transfer";
const REASONS = ["damaged", "lost", "found", "theft", "expired", "sample", "correction"];
const BUCKETS = ["damaged", "quality_control", "safety_stock"];

const NOTHING: Position = {
  location: "",
  on_hand: 0,
  reserved: 0,
  allocated: 0,
  unavailable: 0,
  available: 0,
};

interface Wish {
  place: string;
  to: string;
  number: string;
  reason: string;
  bucket: string;
}

function Preview(props: { kind: PaperKind; wish: Wish; at: Position; units: number }) {
  const { kind, wish, at, units } = props;
  if (kind === "adjust" && wish.bucket) {
    return (
      <p className="preview">
        {t("paper.moves", {
          from: whole(at.available),
          to: whole(at.available - units),
        })}
      </p>
    );
  }
  const after = {
    receive: at.on_hand + units,
    adjust: at.on_hand + units,
    count: units,
    transfer: at.on_hand - units,
  };
  return (
    <p className="preview">
      {t("paper.will", { place: at.location, from: whole(at.on_hand), to: whole(after[kind]) })}
    </p>
  );
}

async function carry(kind: PaperKind, sku: string, wish: Wish, at: Position, units: number) {
  const line = { sku, quantity: units };
  if (kind === "receive") {
    await receive(wish.place, [line]);
    return () => receiveBack(wish.place, [line]);
  }
  if (kind === "transfer") {
    await transfer(wish.place, wish.to, [line]);
    return () => transfer(wish.to, wish.place, [line]);
  }
  if (kind === "count") {
    await count(wish.place, [{ sku, on_hand: units, expected_on_hand: at.on_hand }]);
    return () => count(wish.place, [{ sku, on_hand: at.on_hand, expected_on_hand: units }]);
  }
  const lines: AdjustLine[] = [
    { sku, delta: units, reason: wish.reason, ...(wish.bucket ? { bucket: wish.bucket } : {}) },
  ];
  await adjust(wish.place, lines);
  return () => adjustBack(wish.place, lines);
}

export function PaperForm(props: {
  kind: PaperKind;
  stock: Stock;
  locations: Location[];
  onDone: (text: string, undo: () => Promise<unknown>) => void;
  onLeave: () => void;
}) {
  const { kind, stock } = props;
  const held = stock.locations.filter((position) => position.on_hand > 0);
  const places = props.locations.map((each): [string, string] => [
    each.location,
    each.name === each.location ? each.location : `${each.location} · ${each.name}`,
  ]);
  const [wish, setWish] = useState<Wish>({
    place: held[0]?.location ?? props.locations[0]?.location ?? "",
    to: props.locations.find((each) => each.location !== held[0]?.location)?.location ?? "",
    number: "",
    reason: "damaged",
    bucket: "",
  });
  const set = (change: Partial<Wish>) => setWish({ ...wish, ...change });
  const at = stock.locations.find((each) => each.location === wish.place) ?? {
    ...NOTHING,
    location: wish.place,
  };
  const units = Number(wish.number);
  const least = { receive: 1, transfer: 1, count: 0, adjust: -Infinity }[kind];
  const given = wish.number.trim() !== "" && Number.isInteger(units) && units >= least;
  const ready =
    given && (kind !== "adjust" || units !== 0) && (kind !== "transfer" || wish.to !== wish.place);
  return (
    <Doing
      title={t(`paper.${kind}_title`, { sku: stock.sku })}
      action={t(`paper.${kind}`)}
      ready={ready}
      onCancel={props.onLeave}
      onDo={async () => {
        const undo = await carry(kind, stock.sku, wish, at, units);
        props.onDone(
          t(`paper.${kind}_done`, { sku: stock.sku, place: wish.place, n: units }),
          undo,
        );
      }}
    >
      <Field
        label={t(
          kind === "count" ? "paper.counted" : kind === "adjust" ? "paper.delta" : "paper.units",
        )}
      >
        <input
          type="number"
          step={1}
          min={Number.isFinite(least) ? least : undefined}
          value={wish.number}
          onChange={(event) => set({ number: event.target.value })}
        />
      </Field>
      <div className="pair">
        <Field label={t(kind === "transfer" ? "paper.from" : "sku.location")}>
          <Choice value={wish.place} options={places} onChange={(place) => set({ place })} />
        </Field>
        {kind === "transfer" && (
          <Field label={t("paper.to")}>
            <Choice value={wish.to} options={places} onChange={(to) => set({ to })} />
          </Field>
        )}
        {kind === "adjust" && (
          <Field label={t("paper.bucket")}>
            <Choice
              value={wish.bucket}
              options={[
                ["", t("paper.no_bucket")],
                ...BUCKETS.map((name): [string, string] => [name, word("bucket", name)]),
              ]}
              onChange={(bucket) => set({ bucket })}
            />
          </Field>
        )}
      </div>
      {kind === "adjust" && (
        <Field label={t("paper.reason")}>
          <input
            list="reasons"
            required
            value={wish.reason}
            onChange={(event) => set({ reason: event.target.value })}
          />
        </Field>
      )}
      <datalist id="reasons">
        {REASONS.map((reason) => (
          <option key={reason} value={reason} />
        ))}
      </datalist>
      {given && <Preview kind={kind} wish={wish} at={at} units={units} />}
    </Doing>
  );
}
