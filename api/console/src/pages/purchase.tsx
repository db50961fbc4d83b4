// A new purchase order: lines as they are pasted from anywhere.

import { useState } from "react";
import { call, path } from "../lib/api";
import { t } from "../lib/i18n";
import { patch } from "../lib/route";
import type { Location } from "../lib/types";
import { Choice, Doing, Field, Panel } from "../ui/bits";

const WEEK_MS = 7 * 86_400_000;

export function NewPurchase(props: {
  locations: Location[];
  onDone: () => void;
  onClose: () => void;
}) {
  const [id, setId] = useState("");
  // The locations may come later than the form.
  const [chosen, setPlace] = useState("");
  const place = chosen || (props.locations[0]?.location ?? "");
  const [supplier, setSupplier] = useState("");
  const [day, setDay] = useState(new Date(Date.now() + WEEK_MS).toISOString().slice(0, 10));
  const [text, setText] = useState("");
  const lines = text
    .split("\n")
    .map((line) => /^\s*(.+?)[\s,;]+(\d+)\s*$/.exec(line))
    .filter((found) => found !== null)
    .map((found) => ({ sku: found[1]!, quantity: Number(found[2]) }));
  return (
    <Panel title={t("purchase.new")} onClose={props.onClose}>
      <Doing
        title={t("purchase.new_title", { n: lines.length })}
        action={t("act.save")}
        ready={!!id.trim() && lines.length > 0}
        onCancel={props.onClose}
        onDo={async () => {
          await call("PUT", path("purchase-orders", id.trim()), {
            location: place,
            supplier,
            expected_at: `${day}T08:00:00Z`,
            lines,
          });
          props.onDone();
          patch({ panel: "", open: id.trim() });
        }}
      >
        <Field label={t("purchase.id")}>
          <input value={id} required onChange={(event) => setId(event.target.value)} />
        </Field>
        <Field label={t("purchase.supplier")}>
          <input value={supplier} onChange={(event) => setSupplier(event.target.value)} />
        </Field>
        <div className="pair">
          <Field label={t("sku.location")}>
            <Choice
              value={place}
              options={props.locations.map((each) => [each.location, each.location])}
              onChange={setPlace}
            />
          </Field>
          <Field label={t("purchase.expected")}>
            <input type="date" value={day} onChange={(event) => setDay(event.target.value)} />
          </Field>
        </div>
        <Field label={t("purchase.lines")} hint={t("purchase.lines_how")}>
          <textarea
            rows={8}
            placeholder={"TEA-1 200\nMUG-1 50"}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </Field>
      </Doing>
    </Panel>
  );
}
