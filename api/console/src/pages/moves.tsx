// What made a number of a position: its movements, newest first, with what was left after each.

import { useState } from "react";
import { get, path, query } from "../lib/api";
import { whole } from "../lib/format";
import { t, word } from "../lib/i18n";
import { useLoad } from "../lib/load";
import { href } from "../lib/route";
import type { Movement, Page } from "../lib/types";
import { Ago, Skeleton, Trouble } from "../ui/bits";
import { Icon } from "../ui/icon";

const EVERY_MS = 2_000;
const FIRST = 20;
const MOST = 500;

export interface Number {
  location: string;
  bucket: string;
}

/** What did it, and the way to it if it is an order. */
function Cause({ move }: { move: Movement }) {
  const what = word("moved", (move.kind === "stock_moved" && move.what) || move.kind);
  const id = move.order_id ?? move.ref;
  const order = move.channel && move.order_id && { channel: move.channel, order_id: move.order_id };
  return (
    <>
      {what}{" "}
      {order ? (
        <a
          href={href("orders", {
            open: `${encodeURIComponent(order.channel)}/${encodeURIComponent(order.order_id)}`,
          })}
        >
          {id}
        </a>
      ) : (
        id
      )}
      {move.reason && ` (${move.reason})`}
      <div className="soft">
        <Ago at={new Date(move.stamp_us / 1_000).toISOString()} /> · #{whole(move.seq)}
        {move.actor && ` · ${move.actor}`}
      </div>
    </>
  );
}

export function Moves({
  sku,
  number,
  onClose,
}: {
  sku: string;
  number: Number;
  onClose: () => void;
}) {
  const [limit, setLimit] = useState(FIRST);
  const all = number.bucket === "available";
  const bucket = all ? "" : number.bucket;
  const url = path("views", "stock", sku, number.location, "movements");
  const found = useLoad<Page<"movements", Movement>>(
    `${url} ${bucket} ${limit}`,
    (signal) => get(url + query({ bucket, limit }), signal),
    EVERY_MS,
  );
  const name = word("unit", number.bucket);
  return (
    <section className="doing" aria-label={t("moves.title")}>
      <h3>{t("moves.of", { name, place: number.location })}</h3>
      {found.error && <Trouble error={found.error} again={found.again} />}
      {!found.value && !found.error && <Skeleton lines={3} />}
      {found.value && (
        <table className="numbers">
          <thead>
            <tr>
              <th>{t("moves.what")}</th>
              <th className="right">{t("moves.change")}</th>
              <th className="right">{all ? t("unit.available") : t("moves.after")}</th>
            </tr>
          </thead>
          <tbody>
            {found.value.movements.map((move) => (
              <tr key={`${move.seq} ${move.n}`}>
                <td className="cause">
                  <Cause move={move} />
                </td>
                <td className="right">
                  {move.delta > 0 && "+"}
                  {whole(move.delta)}
                  {(all || bucket === "unavailable") && (
                    <div className="soft">{word("unit", move.bucket)}</div>
                  )}
                </td>
                <td className="right">
                  <b>{whole(all ? move.available : move.quantity)}</b>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <div className="row">
        {found.value?.next_cursor && limit < MOST && (
          <button type="button" onClick={() => setLimit(Math.min(limit * 5, MOST))}>
            {t("moves.more")}
          </button>
        )}
        <button type="button" onClick={onClose}>
          <Icon name="close" /> {t("act.close")}
        </button>
      </div>
    </section>
  );
}
