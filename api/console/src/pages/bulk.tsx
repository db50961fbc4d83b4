// Many orders at once: what will happen to each is shown before, what came of it after.

import { useState } from "react";
import { keyOf } from "../lib/format";
import { type Key, t } from "../lib/i18n";
import { useKeys } from "../lib/keys";
import type { Order } from "../lib/types";
import { Act, Doing, Panel } from "../ui/bits";
import { Status } from "../ui/status";
import { said, words } from "../ui/toast";
import { cancel, canHold, hold, isOpen, release, wishOf } from "./actions";
import { useHoldWish } from "./forms";

type What = "hold" | "release" | "cancel";
type Undo = () => Promise<Order>;
const AT_ONCE = 6;
const SHOWN = 200;

const CAN: Record<What, (order: Order) => boolean> = {
  hold: canHold,
  release: (order) => !!order.holds?.length,
  cancel: isOpen,
};

/** Do something with each, a few at once; returns what was refused, by the order's key. */
async function each(orders: Order[], doing: (order: Order) => Promise<void>, tell: () => void) {
  const refusals = new Map<string, string>();
  const rest = [...orders];
  const worker = async () => {
    for (let order = rest.shift(); order; order = rest.shift()) {
      try {
        await doing(order);
      } catch (error) {
        refusals.set(keyOf(order), words(error));
      }
      tell();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return refusals;
}

/** Release an order's holds, of one reason or all. */
async function releaseAll(order: Order, reason = ""): Promise<{ now: Order; undo: Undo }> {
  const old = (order.holds ?? []).filter((hold) => !reason || hold.reason === reason);
  let now = order;
  for (const one of old) now = await release(order, one.hold_id);
  const undo = async () => {
    let last = now;
    for (const one of old) last = (await hold(now, wishOf(one))).now;
    return last;
  };
  return { now, undo };
}

export function Bulk(props: {
  orders: Order[];
  /** What to begin with, and of which holds, where that is clear. */
  begin?: What;
  reason?: string;
  onChanged: (order: Order) => void;
  onLeave: () => void;
}) {
  const [what, setWhat] = useState<What | "">(props.begin ?? "");
  const [wish, fields] = useHoldWish();
  const [done, setDone] = useState(0);
  const [refusals, setRefusals] = useState(new Map<string, string>());
  const act = (next: What) => () => {
    setWhat(next);
    setDone(0);
    setRefusals(new Map());
  };
  useKeys({ H: act("hold"), R: act("release"), C: act("cancel"), Escape: props.onLeave });
  const mine = what ? props.orders.filter(CAN[what]) : [];
  const others = props.orders.length - mine.length;
  const run = async () => {
    const undos: Undo[] = [];
    const one = async (order: Order) => {
      if (what === "hold") {
        const { now, id } = await hold(order, wish);
        undos.push(() => release(now, id));
        props.onChanged(now);
      } else if (what === "release") {
        const { now, undo } = await releaseAll(order, props.reason);
        undos.push(undo);
        props.onChanged(now);
      } else {
        props.onChanged(await cancel(order, null, ""));
      }
    };
    const wrong = await each(mine, one, () => setDone((n) => n + 1));
    setRefusals(wrong);
    const undo = async () => {
      for (const back of undos) props.onChanged(await back());
    };
    const went = mine.length - wrong.size;
    if (went) said(t(`bulk.done_${what as What}`, { n: went }), undos.length ? undo : undefined);
    if (wrong.size === 0) {
      setWhat("");
      props.onLeave();
    }
  };
  return (
    <>
      <div className="bulk" role="toolbar" aria-label={t("bulk")} hidden={!!props.begin}>
        <b>{t("bulk.chosen", { n: props.orders.length })}</b>
        <Act icon="hold" label={t("act.hold")} hint="H" onClick={act("hold")} />
        <Act icon="check" label={t("act.release")} hint="R" onClick={act("release")} />
        <Act icon="none" label={t("act.cancel")} hint="C" onClick={act("cancel")} />
        <button type="button" onClick={props.onLeave}>
          {t("bulk.leave")}
        </button>
      </div>
      {what && (
        <Panel
          title={t(`bulk.${what}` as Key, { n: mine.length })}
          onClose={() => (props.begin ? props.onLeave() : setWhat(""))}
        >
          <Doing
            title={t("bulk.preview")}
            action={t(`bulk.${what}` as Key, { n: mine.length })}
            danger={what === "cancel"}
            ready={mine.length > 0}
            onCancel={() => (props.begin ? props.onLeave() : setWhat(""))}
            onDo={run}
          >
            {what === "hold" && fields}
            {what === "cancel" && <p className="soft">{t("cancel.final")}</p>}
            {others > 0 && <p className="wrong">{t("bulk.skipped", { n: others })}</p>}
            {done > 0 && <progress value={done} max={mine.length} aria-label={t("bulk.preview")} />}
          </Doing>
          <table className="lines">
            <tbody>
              {mine.slice(0, SHOWN).map((order) => (
                <tr key={keyOf(order)}>
                  <td>{order.order_id}</td>
                  <td>{order.channel}</td>
                  <td>
                    {refusals.has(keyOf(order)) ? (
                      <span className="wrong">{refusals.get(keyOf(order))}</span>
                    ) : (
                      <Status value={order.status} />
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {mine.length > SHOWN && (
            <p className="soft">{t("bulk.more", { n: mine.length - SHOWN })}</p>
          )}
        </Panel>
      )}
    </>
  );
}
