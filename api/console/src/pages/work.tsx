// The work on one order: what each location is asked for, how far it is, and the next step of it.

import { useRef, useState } from "react";
import { call, freshId, get, path } from "../lib/api";
import { keyOf, relative, whole } from "../lib/format";
import { type Key, t } from "../lib/i18n";
import { useKeys } from "../lib/keys";
import { useLoad } from "../lib/load";
import type { Fulfillment, Order, Shipment } from "../lib/types";
import { Act, Doing, Field, Skeleton } from "../ui/bits";
import { Status } from "../ui/status";
import { attempt } from "../ui/toast";
import { useParcelWish } from "./forms";
import type { Change } from "./order";

type Step = "accept" | "pick" | "pack" | "ship" | "ready" | "handover" | "deliver";
type Form = "reject" | "short" | "ship" | "cancel";

const OPEN = ["requested", "accepted", "picking", "packed", "ready_for_pickup", "shipped"];

function nextOf(work: Fulfillment): Step | null {
  switch (work.status) {
    case "requested":
      return "accept";
    case "accepted":
      return "pick";
    case "picking":
      return "pack";
    case "packed":
      return work.pickup ? "ready" : "ship";
    case "ready_for_pickup":
      return "handover";
    case "shipped":
      return "deliver";
    default:
      return null;
  }
}

const at = (work: Fulfillment, verb: string): string =>
  path("fulfillments", work.fulfillment_id, verb);

/** Take one step of the work; a step that was taken already answers the same. */
const take = (work: Fulfillment, verb: string, body: object = {}): Promise<unknown> =>
  call("POST", at(work, verb), body);

const orderNow = (order: Order): Promise<Order> =>
  get<Order>(path("orders", order.channel, order.order_id));

/** Give an order to the locations that have its units; undone by taking the work back. */
export async function fulfil(order: Order): Promise<{ now: Order; undo: () => Promise<Order> }> {
  const body = { release_id: freshId("release") };
  const url = path("orders", order.channel, order.order_id, "release");
  const found = await call<{ fulfillments: Fulfillment[] }>("POST", url, body);
  const undo = async () => {
    for (const work of found.fulfillments) await take(work, "cancel");
    return orderNow(order);
  };
  return { now: await orderNow(order), undo };
}

interface StepProps {
  work: Fulfillment;
  onDone: (text: string) => Promise<void>;
  onLeave: () => void;
}

function Reject({ work, onDone, onLeave, verb }: StepProps & { verb: "reject" | "cancel" }) {
  const [reason, setReason] = useState("");
  return (
    <Doing
      scope="stock"
      title={t(`work.${verb}_how` as Key, { place: work.location })}
      action={t(`work.${verb}` as Key)}
      danger
      ready={verb === "cancel" || reason.trim() !== ""}
      onCancel={onLeave}
      onDo={async () => {
        await take(work, verb, reason.trim() ? { reason: reason.trim() } : {});
        await onDone(t(`work.done_${verb}` as Key, { place: work.location }));
      }}
    >
      <Field label={t("work.reason")}>
        <input value={reason} maxLength={64} onChange={(event) => setReason(event.target.value)} />
      </Field>
    </Doing>
  );
}

function Short({ work, onDone, onLeave }: StepProps) {
  const [missing, setMissing] = useState<number[]>(work.lines.map((_, i) => (i ? 0 : 1)));
  const [reason, setReason] = useState("");
  const total = missing.reduce((sum, n) => sum + n, 0);
  return (
    <Doing
      scope="stock"
      title={t("work.short_how", { place: work.location })}
      action={t("work.short_do", { n: total })}
      danger
      ready={total > 0}
      onCancel={onLeave}
      onDo={async () => {
        const lines = work.lines
          .map(({ sku }, i) => ({ sku, quantity: missing[i]! }))
          .filter((line) => line.quantity > 0);
        const body = { short_id: freshId("short"), lines, ...(reason ? { reason } : {}) };
        await take(work, "short", body);
        await onDone(t("work.done_short", { n: total, place: work.location }));
      }}
    >
      {work.lines.map((line, i) => (
        <Field key={line.sku} label={line.sku} hint={t("work.of", { n: line.quantity })}>
          <input
            type="number"
            min={0}
            max={line.quantity}
            value={missing[i]}
            onChange={(event) =>
              setMissing(missing.map((n, j) => (j === i ? Number(event.target.value) : n)))
            }
          />
        </Field>
      ))}
      <Field label={t("work.reason")}>
        <input value={reason} maxLength={64} onChange={(event) => setReason(event.target.value)} />
      </Field>
      <p className="soft">{t("work.short_what")}</p>
    </Doing>
  );
}

function Ship({ work, onDone, onLeave }: StepProps) {
  const [wish, fields] = useParcelWish();
  const units = work.lines.reduce((sum, line) => sum + line.quantity, 0);
  return (
    <Doing
      scope="stock"
      title={t("ship.title", { n: units })}
      action={t("act.ship")}
      onCancel={onLeave}
      onDo={async () => {
        await call<Shipment>("POST", at(work, "ship"), { shipment_id: freshId("parcel"), ...wish });
        await onDone(t("done.shipped", { n: units }));
      }}
    >
      {fields}
    </Doing>
  );
}

function One(props: {
  work: Fulfillment;
  first: boolean;
  form: Form | "";
  onForm: (form: Form | "") => void;
  onDone: (text: string) => Promise<void>;
}) {
  const { work, form, onForm, onDone } = props;
  const next = nextOf(work);
  const picking = work.status === "picking";
  const early = work.status === "requested" || work.status === "accepted";
  const step = () => {
    if (!next) return;
    if (next === "ship") return onForm("ship");
    const body = next === "handover" ? { shipment_id: freshId("till") } : {};
    void attempt(async () => {
      await take(work, next, body);
      await onDone(t(`work.done_${next}` as Key, { place: work.location }));
    });
  };
  useKeys(props.first ? { n: step, m: () => picking && onForm("short") } : {});
  const leave = () => onForm("");
  const common = { work, onDone, onLeave: leave };
  return (
    <li className="work">
      <div className="row">
        <Status value={work.status} />
        <b className="grow">{work.location}</b>
        {work.status === "requested" && work.accept_by && (
          <span className="soft">{t("work.accept_by", { when: relative(work.accept_by) })}</span>
        )}
        {work.reason && <span className="soft">{work.reason}</span>}
      </div>
      {work.lines.length > 0 && (
        <div className="soft">
          {work.lines.map((line) => `${whole(line.quantity)} × ${line.sku}`).join(", ")}
        </div>
      )}
      {work.shipments?.map((parcel) => (
        <div className="soft" key={parcel.shipment_id}>
          {[parcel.carrier, parcel.tracking_number].filter(Boolean).join(" ") || parcel.shipment_id}
        </div>
      ))}
      {next && (
        <div className="row acts">
          <Act
            scope="stock"
            icon="check"
            label={t(`work.${next}` as Key)}
            hint={props.first ? "n" : undefined}
            onClick={step}
          />
          {picking && (
            <Act
              scope="stock"
              icon="alert"
              label={t("work.short")}
              hint={props.first ? "m" : undefined}
              onClick={() => onForm("short")}
            />
          )}
          {early && (
            <Act
              scope="stock"
              icon="none"
              label={t("work.reject")}
              onClick={() => onForm("reject")}
            />
          )}
          {(early || picking || work.status === "packed") && (
            <Act
              scope="stock"
              icon="close"
              label={t("work.cancel")}
              onClick={() => onForm("cancel")}
            />
          )}
        </div>
      )}
      {form === "reject" && <Reject {...common} verb="reject" />}
      {form === "cancel" && <Reject {...common} verb="cancel" />}
      {form === "short" && <Short {...common} />}
      {form === "ship" && <Ship {...common} />}
    </li>
  );
}

export function Work({ order, onChange }: { order: Order; onChange: Change }) {
  const [form, setForm] = useState<{ id: string; name: Form | "" }>({ id: "", name: "" });
  const known = order.fulfillments ?? [];
  const key = known.map((work) => `${work.fulfillment_id} ${work.status}`).join();
  const found = useLoad(`work ${key} ${order.seq}`, (signal) =>
    Promise.all(
      known.map((work) => get<Fulfillment>(path("fulfillments", work.fulfillment_id), signal)),
    ),
  );
  // What was shown stays until the new is there: a key pressed meanwhile is not lost. A step that
  // was taken already answers the same.
  const last = useRef<{ id: string; works: Fulfillment[] | null }>({ id: "", works: null });
  const id = keyOf(order);
  if (found.value) last.current = { id, works: found.value };
  const works = found.value ?? (last.current.id === id ? last.current.works : null);
  if (!known.length) return null;
  if (!works) return <Skeleton lines={3} />;
  const open = works.filter((work) => OPEN.includes(work.status));
  const first = open.find((work) => work.status !== "shipped") ?? open[0];
  const done = async (text: string) => {
    setForm({ id: "", name: "" });
    onChange(await orderNow(order), text);
    found.again();
  };
  return (
    <section aria-label={t("work.title")}>
      <h3>{t("work.title")}</h3>
      <ul className="holds">
        {works.map((work) => (
          <One
            key={work.fulfillment_id}
            work={work}
            first={work === first}
            form={form.id === work.fulfillment_id ? form.name : ""}
            onForm={(name) => setForm({ id: work.fulfillment_id, name })}
            onDone={done}
          />
        ))}
      </ul>
    </section>
  );
}
