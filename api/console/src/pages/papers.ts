// The papers that move stock, each with the paper that takes it back.

import { call, freshId, path } from "../lib/api";
import type { StockDocument } from "../lib/types";

const send = (kind: string, body: Record<string, unknown>): Promise<StockDocument> =>
  call<StockDocument>("POST", path("stock", kind), body);

export const UNDOING = "undone in the console";

export interface Line {
  sku: string;
  quantity: number;
}

export const receive = (location: string, lines: Line[], purchase?: string) =>
  send("receipts", {
    receipt_id: freshId("receipt"),
    location,
    lines,
    ...(purchase ? { purchase_order: purchase } : {}),
  });

export interface AdjustLine {
  sku: string;
  delta: number;
  reason: string;
  bucket?: string;
}

export const adjust = (location: string, lines: AdjustLine[]) =>
  send("adjustments", { adjustment_id: freshId("adjust"), location, lines });

/** The opposite adjustment, in the opposite order. */
export const adjustBack = (location: string, lines: AdjustLine[]) =>
  adjust(
    location,
    lines.map((line) => ({ ...line, delta: -line.delta, reason: UNDOING })).reverse(),
  );

export const transfer = (from: string, to: string, lines: Line[]) =>
  send("transfers", {
    transfer_id: freshId("transfer"),
    from_location: from,
    to_location: to,
    lines,
  });

export interface CountLine {
  sku: string;
  on_hand: number;
  expected_on_hand?: number;
}

export const count = (location: string, lines: CountLine[], id = freshId("count")) =>
  send("counts", { count_id: id, location, lines });

export const receiveBack = (location: string, lines: Line[]) =>
  adjust(
    location,
    lines.map(({ sku, quantity }) => ({ sku, delta: -quantity, reason: UNDOING })),
  );
