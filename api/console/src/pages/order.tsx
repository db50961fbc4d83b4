// One order, beside the queue: what it is, where it comes from, what can be done.

import { useState } from "react";
import { get, path, query } from "../lib/api";
import {
  absolute,
  keyOf,
  money,
  placesOf,
  relative,
  valueOf,
  waitingOf,
  whole,
} from "../lib/format";
import { t, word } from "../lib/i18n";
import { useKeys } from "../lib/keys";
import { useShown } from "../lib/live";
import { useLoad } from "../lib/load";
import { href } from "../lib/route";
import type { Decision, Hold, Order, OrderLine, Page, Return } from "../lib/types";
import { Act, Ago, Closable, Panel, Skeleton, Trouble } from "../ui/bits";
import { Icon } from "../ui/icon";
import { Status } from "../ui/status";
import { attempt, said } from "../ui/toast";
import { canHold, cancelUnits, hold, isOpen, left, release, wanted, wishOf } from "./actions";
import { CancelForm, EditForm, HoldForm, ShipForm, SplitForm } from "./forms";
import { Timeline } from "./timeline";
import { fulfil, Work } from "./work";
import { BookForm, keyOfReturn, lookOfReturn } from "./returning";

export type Change = (now: Order, text: string, undo?: () => Promise<Order>) => void;

/** Why it ships from where it ships, as far as the order itself says. */
function why(order: Order): string {
  const places = placesOf(order);
  const waits = waitingOf(order);
  const parts: string[] = [];
  if (places.length === 1) parts.push(t("why.one", { place: places[0]![0], n: places[0]![1] }));
  if (places.length > 1) {
    const list = places.map(([place, units]) => `${place} (${whole(units)})`).join(", ");
    parts.push(t("why.many", { list, n: places.length }));
  }
  if (waits) parts.push(t("why.waits", { n: waits }));
  if (!places.length && !waits) parts.push(t(isOpen(order) ? "why.nothing" : "why.closed"));
  return parts.join(" ");
}

/** What routing has said of it, if a policy has routed it; else what can be seen of it. */
function Why({ order }: { order: Order }) {
  const found = useLoad(`why ${keyOf(order)} ${order.seq}`, (signal) =>
    get<{ decisions: Decision[] }>(
      path("orders", order.channel, order.order_id, "decisions"),
      signal,
    ),
  );
  const decisions = found.value?.decisions ?? [];
  return (
    <div className="why">
      {decisions.length
        ? decisions.map((decision, i) => <p key={i}>{decision.sentence}</p>)
        : why(order)}
    </div>
  );
}

function Returns({ order }: { order: Order }) {
  const { channel, order_id } = order;
  const shipped = order.lines.some((line) => line.shipped);
  const found = useLoad(`returns ${keyOf(order)} ${order.seq} ${shipped}`, async (signal) =>
    shipped
      ? (await get<Page<"returns", Return>>("v1/returns" + query({ channel, order_id }), signal))
          .returns
      : [],
  );
  return (
    <>
      {(found.value ?? []).map((each) => (
        <p key={each.return_id} className="row">
          <Status value={each.status} look={lookOfReturn(each.status)} />
          <a href={href("returns", { open: keyOfReturn(each) })}>{each.return_id}</a>
          {each.reason}
        </p>
      ))}
    </>
  );
}

function Line(props: { order: Order; line: OrderLine; onCancel?: () => void }) {
  const { line, order } = props;
  return (
    <tr>
      <td>
        <a href={href("stock", { q: line.sku, open: line.sku })}>{line.sku}</a>
        {line.unit_price !== undefined && (
          <small className="soft"> {money(line.unit_price, order.currency)}</small>
        )}
      </td>
      <td className="right">
        <b>{whole(wanted(line))}</b>
        {!!line.cancelled && <small className="soft"> −{whole(line.cancelled)}</small>}
      </td>
      <td>
        {line.allocations.map((part) => (
          <span className="part" key={`${part.location} ${part.sku ?? ""}`}>
            {whole(part.quantity)} {part.sku && `× ${part.sku}`} <em>{part.location}</em>
          </span>
        ))}
        {!!line.backordered && (
          <span className="part warn">
            {whole(line.backordered)} {t("line.wait")}
          </span>
        )}
        {!!line.shipped && (
          <span className="part done">
            {whole(line.shipped)} {t("line.left")}
          </span>
        )}
      </td>
      <td className="right">
        {props.onCancel && (
          <Closable
            className="icon"
            title={t("line.cancel_one")}
            label={`${t("line.cancel_one")}: ${line.sku}`}
            onClick={props.onCancel}
          >
            −1
          </Closable>
        )}
      </td>
    </tr>
  );
}

function Holds(props: { order: Order; onRelease: (hold: Hold) => void }) {
  return (
    <ul className="holds">
      {props.order.holds?.map((each) => (
        <li key={each.hold_id}>
          <Icon name="hold" />
          <div>
            <b>{word("reason", each.reason)}</b>
            {each.owner && <> · {each.owner}</>}
            <div className="soft" title={each.until && absolute(each.until)}>
              {each.until
                ? t("hold.until", { then: word("then", each.then), when: relative(each.until) })
                : t("hold.no_end")}
              {" · "}
              {t(each.keeps_stock ? "hold.keeps" : "hold.gives")}
            </div>
          </div>
          <Closable onClick={() => props.onRelease(each)}>{t("act.release")}</Closable>
        </li>
      ))}
    </ul>
  );
}

function Facts({ order }: { order: Order }) {
  const to = order.ship_to;
  const address = [
    to?.name,
    to?.company,
    to?.line1,
    to?.line2,
    to?.postcode,
    to?.city,
    to?.region,
    to?.country,
  ];
  const facts: [string, React.ReactNode][] = [
    [t("order.customer"), order.customer],
    [t("order.address"), address.filter(Boolean).join(", ")],
    [t("order.contact"), [to?.email, to?.phone].filter(Boolean).join(", ")],
    [t("order.payment"), order.payment && word("payment", order.payment)],
    [t("order.value"), valueOf(order) ? money(valueOf(order), order.currency) : ""],
    [t("order.placed"), order.placed_at && <Ago at={order.placed_at} />],
    [t("order.required"), order.required_by && <Ago at={order.required_by} />],
    [t("order.note"), order.note],
  ];
  return (
    <dl className="facts">
      {facts
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

const AT_WORK = new Set(["requested", "accepted", "picking", "packed", "ready_for_pickup"]);

type Form = "" | "hold" | "edit" | "ship" | "split" | "return" | "cancel";

function Actions(props: { order: Order; onForm: (form: Form) => void; onFulfil: () => void }) {
  const { order, onForm } = props;
  const open = isOpen(order);
  const idle =
    open && !order.holds?.length && !order.fulfillments?.some((one) => AT_WORK.has(one.status));
  const mayFulfil = idle && placesOf(order).length > 0;
  const fulfilIt = () => mayFulfil && props.onFulfil();
  const can: Record<Exclude<Form, "">, boolean> = {
    hold: canHold(order),
    edit: open,
    ship: mayFulfil,
    split: open && waitingOf(order) > 0 && placesOf(order).length > 0,
    return: order.lines.some((line) => line.shipped),
    cancel: open,
  };
  const act = (form: Exclude<Form, "">) => () => can[form] && onForm(form);
  useKeys({
    h: act("hold"),
    e: act("edit"),
    s: act("ship"),
    p: act("split"),
    b: act("return"),
    c: act("cancel"),
    f: fulfilIt,
  });
  return (
    <div className="row acts">
      <Act icon="hold" label={t("act.hold")} hint="h" disabled={!can.hold} onClick={act("hold")} />
      <Act
        icon="settings"
        label={t("act.edit")}
        hint="e"
        disabled={!can.edit}
        onClick={act("edit")}
      />
      <Act icon="box" label={t("act.fulfil")} hint="f" disabled={!mayFulfil} onClick={fulfilIt} />
      <Act
        icon="truck"
        label={t("act.ship")}
        hint="s"
        scope="stock"
        disabled={!can.ship}
        onClick={act("ship")}
      />
      {can.split && <Act icon="part" label={t("act.split")} hint="p" onClick={act("split")} />}
      {can.return && <Act icon="box" label={t("return.book")} hint="b" onClick={act("return")} />}
      <Act
        icon="none"
        label={t("act.cancel")}
        hint="c"
        disabled={!can.cancel}
        onClick={act("cancel")}
      />
    </div>
  );
}

export function OrderPanel(props: {
  id: string;
  onChanged: (order: Order) => void;
  onClose: () => void;
}) {
  const [channel = "", orderId = ""] = props.id.split("/").map(decodeURIComponent);
  const found = useLoad<Order>(props.id, (signal) => get(path("orders", channel, orderId), signal));
  useShown(
    { order: [channel, orderId] },
    { order: (now) => now && now.seq >= (found.value?.seq ?? 0) && found.set(now) },
  );
  const [form, setForm] = useState<{ id: string; name: Form }>({ id: "", name: "" });
  const order = found.value;
  const shown = form.id === props.id ? form.name : "";
  const show = (name: Form) => setForm({ id: props.id, name });
  const set = (now: Order) => {
    found.set(now);
    props.onChanged(now);
  };
  const change: Change = (now, text, undo) => {
    set(now);
    show("");
    said(text, undo && (async () => set(await undo())));
  };
  const end = (order: Order, old: Hold) =>
    attempt(async () => {
      const now = await release(order, old.hold_id);
      change(now, t("done.released", { id: order.order_id }), () =>
        hold(now, wishOf(old)).then((held) => held.now),
      );
    });
  const cancelOne = (order: Order, line: OrderLine) =>
    attempt(async () => {
      const { now, undo } = await cancelUnits(order, line, 1);
      change(now, t("done.cancelled_one", { sku: line.sku }), undo);
    });
  const start = (order: Order) =>
    attempt(async () => {
      const { now, undo } = await fulfil(order);
      change(now, t("done.fulfil", { id: order.order_id }), undo);
    });
  const leave = () => show("");
  return (
    <Panel
      title={orderId}
      note={
        order && (
          <>
            <Status value={order.status} /> {channel} · {t("order.at", { seq: order.seq })}
          </>
        )
      }
      onClose={props.onClose}
    >
      {!order && !found.error && <Skeleton />}
      {found.error && <Trouble error={found.error} again={found.again} />}
      {order && (
        <>
          <Actions order={order} onForm={show} onFulfil={() => void start(order)} />
          {shown === "hold" && <HoldForm orders={[order]} onChange={change} onLeave={leave} />}
          {shown === "edit" && <EditForm order={order} onChange={change} onLeave={leave} />}
          {shown === "ship" && <ShipForm order={order} onChange={change} onLeave={leave} />}
          {shown === "split" && <SplitForm order={order} onChange={change} onLeave={leave} />}
          {shown === "return" && <BookForm order={order} onChange={change} onLeave={leave} />}
          {shown === "cancel" && <CancelForm order={order} onChange={change} onLeave={leave} />}
          {!!order.holds?.length && (
            <Holds order={order} onRelease={(each) => void end(order, each)} />
          )}
          <Why order={order} />
          <Work order={order} onChange={change} />
          <Returns order={order} />
          <table className="lines">
            <thead>
              <tr>
                <th>{t("line.sku")}</th>
                <th className="right">{t("line.wanted")}</th>
                <th>{t("line.where")}</th>
                <th>
                  <span className="hidden">{t("act.cancel")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {order.lines.map((line, i) => (
                <Line
                  key={i}
                  order={order}
                  line={line}
                  onCancel={
                    isOpen(order) && left(line) > 0 ? () => void cancelOne(order, line) : undefined
                  }
                />
              ))}
            </tbody>
          </table>
          <Facts order={order} />
          <Timeline order={order} />
        </>
      )}
    </Panel>
  );
}
