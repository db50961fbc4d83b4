// What happened to an order: when, what, by whom, of how many units where. Read when it is opened.

import { useState } from "react";
import { get, path, query } from "../lib/api";
import { keyOf, whole } from "../lib/format";
import { t, word } from "../lib/i18n";
import { useLoad } from "../lib/load";
import type { Order, Timeline as Told, ToldChange, ToldLine } from "../lib/types";
import { Ago, Trouble } from "../ui/bits";

const CHANGES_MAX = 500;

/** "2 → 3 × MUG · lyon". */
function unitsOf(line: ToldLine): string {
  const before = line.before === undefined ? "" : `${whole(line.before)} → `;
  const place = line.location ?? (line.waits ? t("line.wait") : "");
  return `${before}${whole(line.quantity)} × ${line.sku}${place && ` · ${place}`}`;
}

function Row({ change }: { change: ToldChange }) {
  return (
    <li>
      <b>{word("what", change.what)}</b>{" "}
      <span className="soft">
        {change.actor_name ?? word("actor", change.actor)} · <Ago at={change.at} />
      </span>
      {change.reason && <> {word("reason", change.reason)}</>}
      {(change.lines ?? []).map((line, i) => (
        <span className="part" key={i}>
          {unitsOf(line)}
        </span>
      ))}
    </li>
  );
}

export function Timeline({ order }: { order: Order }) {
  const [open, setOpen] = useState(false);
  const at = path("orders", order.channel, order.order_id, "timeline");
  const found = useLoad<Told | null>(`told ${keyOf(order)} ${order.seq} ${open}`, async (signal) =>
    open ? get<Told>(at + query({ limit: CHANGES_MAX }), signal) : null,
  );
  return (
    <details className="told" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("told.title")}</summary>
      {found.error && <Trouble error={found.error} again={found.again} />}
      <ol>
        {(found.value?.changes ?? []).map((change) => (
          <Row change={change} key={change.seq} />
        ))}
      </ol>
      {found.value && (!found.value.complete || found.value.next_cursor) && (
        <p className="soft">{t("told.more")}</p>
      )}
    </details>
  );
}
