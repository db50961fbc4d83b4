// A flash sale: some SKUs that nobody can buy before a time, and then all can until they are sold
// out. What keeps them back is a reservation that ends at that time, so the server opens the sale,
// whatever becomes of this tab. The tab watches it, also while other pages are looked at.

import { useSyncExternalStore } from "react";
import { call, freshId, get, path, Refusal } from "./api";
import { t } from "./i18n";
import { live, show } from "./live";
import type { Reservation, Stock } from "./types";

const CHANNEL = "flash-sale"; // whose reservations keep units back
export const AHEAD_S_MAX = 86_400; // no reservation lasts longer
const OPENS_MS = 2_000; // within which a sale opens, after its time

const POINT_MS = 500;
export const POINTS = 1_200;
export const SKUS_MOST = 50; // beside those in sight of another page

export interface Watched {
  sku: string;
  /** Units kept back until it begins, and all that there are to sell. */
  kept: number;
  start: number;
  available: number;
  soldOutAt: number | null;
}

export interface Sale {
  /** The reservation that keeps the units back; empty where nothing is kept back. */
  id: string;
  startsAt: number; // ms since 1970
  skus: Watched[];
  at: number[]; // seconds since 1970
  available: number[];
  rate: number[]; // units a second
  live: boolean;
  stopped: boolean;
}

let sale: Sale | null = null;
let left = new Map<string, number>();
let ends: () => void = () => {};
let timer = 0;
const heard = new Set<() => void>();

function set(next: Sale | null): void {
  sale = next;
  for (const tell of heard) tell();
}

function told(found: Stock[]): void {
  if (!sale) return;
  for (const stock of found) left.set(stock.sku, stock.available);
  const now = Date.now();
  const waits = now < sale.startsAt;
  const skus = sale.skus.map((one): Watched => {
    const available = left.get(one.sku) ?? one.available;
    if (waits) return { ...one, available, start: available + one.kept };
    if (!one.kept && sale!.at.length === 0)
      return { ...one, available, start: available || one.start };
    // Where units were kept back, none available right after the time means that it opens yet.
    const opens = one.kept > 0 && one.available === 0 && now < sale!.startsAt + OPENS_MS;
    const out = available <= 0 && one.start > 0 && !opens;
    return { ...one, available, soldOutAt: out ? (one.soldOutAt ?? now) : null };
  });
  set({ ...sale, skus, live: true });
}

function point(): void {
  if (!sale || sale.stopped || !sale.live || Date.now() < sale.startsAt) return;
  if (!live()) return;
  told([]); // one that sold out before it was seen to be open is told nothing of
  const available = sale.skus.reduce((total, one) => total + Math.max(0, one.available), 0);
  const last = sale.available[sale.available.length - 1] ?? available;
  const rate = Math.max(0, ((last - available) * 1_000) / POINT_MS);
  const push = (ring: number[], value: number) => [...ring, value].slice(-POINTS);
  set({
    ...sale,
    at: push(sale.at, Date.now() / 1_000),
    available: push(sale.available, available),
    rate: push(sale.rate, rate),
  });
}

function begin(id: string, units: [sku: string, kept: number][], startsAt: number): void {
  stop();
  left = new Map();
  set({
    id,
    startsAt,
    skus: units.map(([sku, kept]) => ({ sku, kept, start: kept, available: 0, soldOutAt: null })),
    at: [],
    available: [],
    rate: [],
    live: false,
    stopped: false,
  });
  ends = show({ skus: units.map(([sku]) => sku), always: true }, { stock: told });
  timer = window.setInterval(point, POINT_MS);
}

const unitsOf = (reservation: Reservation): [string, number][] => {
  const units = new Map<string, number>();
  for (const line of reservation.lines)
    units.set(line.sku, (units.get(line.sku) ?? 0) + line.quantity);
  return [...units];
};

/** Sell these from now on; refused where one of them is unknown. */
export async function beginNow(names: string[]): Promise<void> {
  for (const sku of names) await get<Stock>(path("stock", sku));
  begin(
    "",
    names.map((sku) => [sku, 0]),
    Date.now(),
  );
}

/** Keep back all that is available of these until a time; returns the sale's id. */
export async function plan(names: string[], startsAt: number): Promise<string> {
  const lines: { sku: string; quantity: number }[] = [];
  for (const sku of names) {
    const { available } = await get<Stock>(path("stock", sku));
    if (available > 0) lines.push({ sku, quantity: available });
  }
  const reservation = await call<Reservation>("POST", "v1/reservations", {
    reservation_id: freshId("sale"),
    channel: CHANNEL,
    ttl_s: Math.max(1, Math.round((startsAt - Date.now()) / 1_000)),
    lines,
  });
  const id = reservation.reservation_id;
  begin(id, unitsOf(reservation), Date.parse(reservation.expires_at));
  return id;
}

/** Watch a sale that somebody planned. One that has begun is watched from now on. */
export async function join(id: string): Promise<void> {
  const found = await get<Reservation>(path("reservations", id));
  if (found.status === "released")
    throw new Refusal(404, { code: "called_off", detail: t("flash.called_off") });
  begin(id, unitsOf(found), Date.parse(found.expires_at));
}

/** Call a planned sale off: what was kept back can be sold at once. */
export async function callOff(): Promise<void> {
  const id = sale?.id;
  if (id) await call("DELETE", path("reservations", id));
  forget();
}

/** Watch no longer; what was seen stays, for the report. */
export function stop(): void {
  ends();
  window.clearInterval(timer);
  if (sale) set({ ...sale, stopped: true, live: false });
}

export function forget(): void {
  stop();
  set(null);
}

export const useSale = (): Sale | null =>
  useSyncExternalStore(
    (tell) => {
      heard.add(tell);
      return () => heard.delete(tell);
    },
    () => sale,
  );
