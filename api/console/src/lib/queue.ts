// The queue of orders by its filters. The ledger tells of the newest, live; what is searched for,
// or was placed on some day, is asked of the views, which are a moment behind it.

import { get, headers, path, query, Refusal } from "./api";
import { keyOf } from "./format";
import type { Order, Page, ViewedOrder } from "./types";

const PAGE = 100;
const FOUND = 50; // of a search: each is then read as it is now
const WORDS_MIN = 3;
export const DAYS = ["today", "yesterday"] as const;

/** Begin and end of a day where this person is, in microseconds. */
function span(day: string | null): { since_us?: number; until_us?: number } {
  if (!day) return {};
  const begin = new Date();
  begin.setHours(0, 0, 0, 0);
  if (day === "yesterday") begin.setDate(begin.getDate() - 1);
  const end = new Date(begin);
  end.setDate(end.getDate() + 1);
  return { since_us: begin.getTime() * 1_000, until_us: end.getTime() * 1_000 };
}

export const filters = (params: URLSearchParams) => ({
  status: params.get("status"),
  channel: params.get("channel"),
  q: params.get("q"),
});

/** What the address says of the queue, as one text. */
export const keyOfQueue = (params: URLSearchParams): string =>
  query({ ...filters(params), day: params.get("day") });

/** Whether the views are asked, and not only the ledger's newest. */
export const looksBack = (params: URLSearchParams): boolean =>
  !!params.get("day") || (params.get("q")?.length ?? 0) >= WORDS_MIN;

/** An order that the ledger has no more, as far as the views tell of it. */
const remembered = (row: ViewedOrder): Order => ({
  seq: row.seq,
  order_id: row.order_id,
  channel: row.channel,
  status: row.status,
  lines: [{ sku: "", quantity: row.units, allocations: [], shipped: row.shipped }],
  customer: row.customer ?? undefined,
  currency: row.currency ?? undefined,
  payment: row.payment ?? undefined,
  placed_at: new Date(row.placed_us / 1_000).toISOString(),
});

async function asItIs(row: ViewedOrder, signal?: AbortSignal): Promise<Order> {
  try {
    return await get<Order>(path("orders", row.channel, row.order_id), signal);
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return remembered(row);
    throw error;
  }
}

/** Reads pages of a queue; remembers orders that have not changed since they were read. */
export class Queue {
  private readonly known = new Map<string, [number, Order]>();

  async page(
    params: URLSearchParams,
    cursor: string | null,
    signal?: AbortSignal,
  ): Promise<Page<"orders", Order>> {
    const { q, ...others } = filters(params);
    const day = params.get("day");
    if (looksBack(params)) {
      const limit = q ? FOUND : PAGE;
      const asked = query({ ...others, q, ...span(day), limit, cursor });
      try {
        const found = await get<Page<"orders", ViewedOrder>>(`v1/views/orders${asked}`, signal);
        const orders = await Promise.all(found.orders.map((row) => this.read(row, signal)));
        return { orders, next_cursor: found.next_cursor };
      } catch (error) {
        const none = error instanceof Refusal && error.status === 503;
        if (!none || day || cursor) throw error; // without views, ids are found all the same
      }
    }
    return get(`v1/orders${query({ ...others, q, limit: PAGE, cursor })}`, signal);
  }

  private async read(row: ViewedOrder, signal?: AbortSignal): Promise<Order> {
    const [changed, before] = this.known.get(keyOf(row)) ?? [];
    if (before && changed === row.changed_us) return before;
    const order = await asItIs(row, signal);
    this.known.set(keyOf(row), [row.changed_us, order]);
    return order;
  }
}

/** The whole queue, by its filters, as a file. */
export async function spreadsheet(params: URLSearchParams): Promise<Blob> {
  const asked = query({ ...filters(params), ...span(params.get("day")) });
  const answer = await fetch(`v1/views/orders.csv${asked}`, { headers: headers() });
  if (!answer.ok) throw new Refusal(answer.status, await answer.json().catch(() => ({})));
  return new Blob(["\uFEFF", await answer.blob()], { type: "text/csv" });
}
