// What can be done with an order, and how it is undone. Each takes the order as it was read.

import { call, freshId, path } from "../lib/api";
import type { Hold, Order, OrderLine, Shipment } from "../lib/types";

export const OPEN = new Set([
  "received",
  "validated",
  "allocated",
  "partially_allocated",
  "backordered",
  "on_hold",
  "released",
  "picking",
  "packed",
  "partially_shipped",
  "exception",
]);
const WORKED_ON = new Set(["released", "picking", "packed"]);

export const isOpen = (order: Order): boolean => OPEN.has(order.status);
export const canHold = (order: Order): boolean => isOpen(order) && !WORKED_ON.has(order.status);
export const wanted = (line: OrderLine): number => line.quantity - (line.cancelled ?? 0);
export const left = (line: OrderLine): number => wanted(line) - (line.shipped ?? 0);

const at = (order: Order, ...more: string[]): string =>
  path("orders", order.channel, order.order_id, ...more);

export interface HoldWish {
  reason: string;
  owner?: string;
  minutes?: number;
  then: string;
  keeps_stock: boolean;
}

export async function hold(order: Order, wish: HoldWish): Promise<{ now: Order; id: string }> {
  const id = freshId("hold");
  return { now: await call<Order>("POST", at(order, "holds"), { hold_id: id, ...wish }), id };
}

export const release = (order: Order, holdId: string): Promise<Order> =>
  call<Order>("POST", at(order, "holds", holdId, "release"), {});

/** The wish that puts an ended hold on again, for as long as was left of it. */
export function wishOf(old: Hold): HoldWish {
  const left = old.until
    ? Math.max(1, Math.round((Date.parse(old.until) - Date.now()) / 60_000))
    : 0;
  return {
    reason: old.reason,
    then: old.then,
    keeps_stock: old.keeps_stock,
    ...(old.owner ? { owner: old.owner } : {}),
    ...(left ? { minutes: left } : {}),
  };
}

export function cancel(
  order: Order,
  lines: { sku: string; quantity: number }[] | null,
  reason: string,
): Promise<Order> {
  const body = { ...(lines ? { lines } : {}), ...(reason ? { reason } : {}) };
  return call<Order>("POST", at(order, "cancel"), body, { idem: freshId("cancel") });
}

export interface EditWish {
  lines?: { sku: string; quantity?: number; line_id?: string; unit_price?: number }[];
  ship_to?: Record<string, string>;
  customer?: string;
  note?: string;
  required_by?: string;
  when_short?: string;
  expected_seq?: number;
  reason?: string;
}

export const edit = (order: Order, wish: EditWish): Promise<Order> =>
  call<Order>("PATCH", at(order), { edit_id: freshId("edit"), ...wish });

export const ship = (
  order: Order,
  wish: { location?: string; carrier?: string; tracking_number?: string },
): Promise<Shipment> =>
  call<Shipment>("POST", at(order, "shipments"), { shipment_id: freshId("parcel"), ...wish });

export const split = (order: Order, newId: string): Promise<Order> =>
  call<Order>("POST", at(order, "split"), { split_id: freshId("split"), new_order_id: newId });

export const merge = (order: Order, from: string): Promise<Order> =>
  call<Order>("POST", at(order, "merge"), { merge_id: freshId("merge"), from_order_id: from });

/** The line as an edit names it. */
export const nameOf = (line: OrderLine): { sku: string; line_id?: string } =>
  line.line_id ? { sku: line.sku, line_id: line.line_id } : { sku: line.sku };

/** Whether an edit can name this line: it has an id, or no other line has its SKU. */
export const nameable = (order: Order, line: OrderLine): boolean =>
  !!line.line_id || order.lines.filter((other) => other.sku === line.sku).length === 1;

/** Edit these lines back to what they were in `old`; refused if the units are gone meanwhile. */
export const editBack = (old: Order, lines: OrderLine[], more: EditWish = {}): Promise<Order> =>
  edit(old, {
    ...more,
    lines: lines.map((line) => ({
      ...nameOf(line),
      quantity: wanted(line),
      ...(line.unit_price === undefined ? {} : { unit_price: line.unit_price }),
    })),
  });

/** Cancel units of one line; returns how the order stands and how to undo it, if it can be. */
export async function cancelUnits(
  order: Order,
  line: OrderLine,
  quantity: number,
): Promise<{ now: Order; undo?: () => Promise<Order> }> {
  const alone = order.lines.filter((other) => other.sku === line.sku).length === 1;
  const now = alone
    ? await cancel(order, [{ sku: line.sku, quantity }], "")
    : await edit(order, {
        lines: [{ ...nameOf(line), quantity: wanted(line) - quantity }],
        expected_seq: order.seq,
      });
  const undo = isOpen(now) && nameable(order, line) ? () => editBack(order, [line]) : undefined;
  return { now, undo };
}
