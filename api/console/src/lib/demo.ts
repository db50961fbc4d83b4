// The demo: a small shop beside what is there, with names of its own, loaded and removed by the API
// like anything else. Ids carry the number of the load, so it can be loaded again after removal.

import { all, call, get, path, query, Refusal } from "./api";
import type { Location, Order, Page, Stock } from "./types";

export const CHANNEL = "demo";
const PLACES: [string, string, string][] = [
  ["demo-berlin", "Berlin", "DE"],
  ["demo-lyon", "Lyon", "FR"],
];
const THINGS = ["Mug", "Teapot", "Kettle", "Tin", "Spoon", "Tray", "Jar", "Bowl"];
const COLOURS = ["red", "green", "blue"];
const CUSTOMERS = ["Ada Lovelace", "Grace Hopper", "Alan Turing", "Emmy Noether", "Zuse & Co"];
export const ORDERS = 40;
const UNITS = 30;
const SCARCE = 4; // of these there are few at one place

export const SKUS: [string, string][] = THINGS.flatMap((thing) =>
  COLOURS.map((colour): [string, string] => [
    `DEMO-${thing}-${colour}`.toUpperCase(),
    `${thing}, ${colour}`,
  ]),
);

export type Tell = (done: number, all: number) => void;

/** Say whether the demo is there, and which load of it. */
async function loadNow(): Promise<{ there: boolean; number: number }> {
  const places = await all<Location>("locations", "locations");
  const found = places.find((place) => place.location === PLACES[0]![0]);
  return {
    there: !!found?.active,
    number: Number(/\d+$/.exec(found?.name ?? "")?.[0] ?? 0),
  };
}

const lineOf = (i: number, more = 0) => ({
  sku: SKUS[(i * 7 + more * 5) % SKUS.length]![0],
  quantity: 1 + ((i + more) % 3),
  unit_price: 900 + 250 * ((i + more) % 5),
});

const orderOf = (name: string, i: number) => ({
  order_id: name,
  channel: CHANNEL,
  lines: i % 4 ? [lineOf(i)] : [lineOf(i), lineOf(i, 1)],
  currency: "EUR",
  payment: i % 7 === 3 ? "pending" : "paid",
  customer: CUSTOMERS[i % CUSTOMERS.length],
  ship_to: { name: CUSTOMERS[i % CUSTOMERS.length], city: "Ghent", country: "BE" },
  when_short: i % 5 === 4 ? "backorder" : "split",
});

/** Do these one after the other, and tell how far it is. */
async function inTurn(steps: (() => Promise<unknown>)[], tell: Tell): Promise<void> {
  for (const [i, step] of steps.entries()) {
    await step();
    tell(i + 1, steps.length);
  }
}

/** Load it; returns how many orders it has. It is left as it is where it is there already. */
export async function load(tell: Tell): Promise<number> {
  const now = await loadNow();
  if (now.there) return ORDERS;
  const run = now.number + 1;
  const name = (i: number) => `demo-${run}-${String(i).padStart(3, "0")}`;
  const at = (i: number, ...more: string[]) => path("orders", CHANNEL, name(i), ...more);
  const hold = (i: number, reason: string) => () =>
    call("POST", at(i, "holds"), { hold_id: "demo", reason });
  const ship = (i: number) => () =>
    call("POST", at(i, "shipments"), {
      shipment_id: `demo-${i}`,
      carrier: "dhl",
      tracking_number: `0034043416109404${String(run * 1_000 + i).padStart(4, "0")}`,
    });
  await inTurn(
    [
      ...PLACES.map(
        ([location, city, country]) =>
          () =>
            call("PUT", path("locations", location), {
              name: `${city}, demo ${run}`,
              kind: "warehouse",
              country,
            }),
      ),
      () => call("PUT", path("channels", CHANNEL), { name: "Demo", cap: 25 }),
      ...SKUS.map(
        ([sku, title]) =>
          () =>
            call("PUT", path("skus", sku), { title, weight_g: 350 }),
      ),
      ...PLACES.map(
        ([location], place) =>
          () =>
            call("POST", "v1/stock/receipts", {
              receipt_id: `demo-${run}-${location}`,
              location,
              lines: SKUS.map(([sku], i) => ({ sku, quantity: place && i < SCARCE ? 2 : UNITS })),
            }),
      ),
      () =>
        call("PUT", path("purchase-orders", `demo-${run}`), {
          location: PLACES[0]![0],
          expected_at: new Date(Date.now() + 5 * 86_400_000).toISOString(),
          supplier: "Demo Pottery",
          lines: SKUS.slice(0, SCARCE).map(([sku]) => ({ sku, quantity: 40 })),
        }),
      () =>
        call(
          "POST",
          "v1/orders/batch",
          Array.from({ length: ORDERS }, (_, i) => orderOf(name(i), i)),
        ),
      ...[3, 10, 11, 17, 18].map((i) => hold(i, "payment")),
      ...[5, 12].map((i) => hold(i, "review")),
      ...[0, 1, 2, 6, 7, 8].map(ship),
      () =>
        call("POST", at(1, "returns"), {
          return_id: "demo",
          reason: "does not fit",
          lines: [{ sku: lineOf(1).sku, quantity: 1 }],
        }),
    ],
    tell,
  );
  return ORDERS;
}

const CLOSED = new Set(["cancelled", "shipped", "delivered"]);

/** Every order of the demo that can still be cancelled. */
async function openOrders(): Promise<Order[]> {
  const found: Order[] = [];
  let cursor: string | null = "";
  do {
    const which = query({ channel: CHANNEL, limit: 500, cursor });
    const page: Page<"orders", Order> = await get("v1/orders" + which);
    found.push(...page.orders.filter((order) => !CLOSED.has(order.status)));
    cursor = page.next_cursor;
  } while (cursor);
  return found;
}

/** Count the demo's SKUs to nothing at one of its places. */
async function emptied(location: string, run: number): Promise<void> {
  const lines: { sku: string; on_hand: number; expected_on_hand: number }[] = [];
  for (const [sku] of SKUS) {
    const stock = await get<Stock>(path("stock", sku));
    const here = stock.locations.find((position) => position.location === location);
    if (here?.on_hand) lines.push({ sku, on_hand: 0, expected_on_hand: here.on_hand });
  }
  if (!lines.length) return;
  await call("POST", "v1/stock/counts", { count_id: `demo-${run}-${location}`, location, lines });
}

/** Cancel its orders, take its stock away, close its places; what is in the log stays there. */
export async function remove(tell: Tell): Promise<void> {
  const { there, number } = await loadNow();
  if (!there) return;
  const orders = await openOrders();
  await inTurn(
    [
      ...orders.map(
        (order) => () =>
          call("POST", path("orders", order.channel, order.order_id, "cancel"), {
            reason: "the demo is removed",
          }).catch((error: unknown) => {
            if (!(error instanceof Refusal) || error.code !== "order_closed") throw error;
          }),
      ),
      ...PLACES.map(
        ([location]) =>
          () =>
            emptied(location, number),
      ),
      ...PLACES.map(
        ([location, city, country]) =>
          () =>
            call("PUT", path("locations", location), {
              name: `${city}, demo ${number}`,
              kind: "warehouse",
              country,
              active: false,
            }),
      ),
      () =>
        call("PUT", path("purchase-orders", `demo-${number}`), {
          location: PLACES[0]![0],
          expected_at: new Date(Date.now() + 5 * 86_400_000).toISOString(),
          cancelled: true,
          lines: SKUS.slice(0, SCARCE).map(([sku]) => ({ sku, quantity: 40 })),
        }),
    ],
    tell,
  );
}
