// A flash sale as this tab sees it: begun with some SKUs, followed until they are sold out. It
// goes on while other pages are looked at, and is gone with the tab.

import { useSyncExternalStore } from "react";
import { named } from "./api";
import { follow } from "./sse";
import type { StockState } from "./types";

const EVERY_MS = 250;
const POINT_MS = 500;
export const POINTS = 1_200;
export const SKUS_MOST = 100;

export interface Watched {
  sku: string;
  start: number;
  available: number;
  soldOutAt: number | null;
}

export interface Sale {
  startsAt: number; // ms since 1970
  skus: Watched[];
  at: number[]; // seconds since 1970
  available: number[];
  rate: number[]; // units a second
  live: boolean;
  stopped: boolean;
}

let sale: Sale | null = null;
let positions = new Map<string, Map<string, number>>();
let ends: () => void = () => {};
let timer = 0;
const heard = new Set<() => void>();

function set(next: Sale | null): void {
  sale = next;
  for (const tell of heard) tell();
}

const sum = (places?: Map<string, number>): number =>
  [...(places ?? [])].reduce((total, [, units]) => total + units, 0);

function told(states: StockState[]): void {
  if (!sale) return;
  for (const state of states) {
    const places = positions.get(state.sku) ?? new Map<string, number>();
    positions.set(state.sku, places.set(state.location, state.available));
  }
  const now = Date.now();
  const skus = sale.skus.map((one): Watched => {
    const available = sum(positions.get(one.sku));
    const start = sale!.at.length === 0 || now < sale!.startsAt ? available : one.start;
    const soldOutAt = available > 0 ? null : (one.soldOutAt ?? (start > 0 ? now : null));
    return { ...one, start, available, soldOutAt };
  });
  set({ ...sale, skus });
}

function point(): void {
  if (!sale || sale.stopped || !sale.live || Date.now() < sale.startsAt) return;
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

export function begin(names: string[], startsAt: number): void {
  stop();
  positions = new Map();
  set({
    startsAt,
    skus: names.map((sku) => ({ sku, start: 0, available: 0, soldOutAt: null })),
    at: [],
    available: [],
    rate: [],
    live: false,
    stopped: false,
  });
  ends = follow<StockState>(
    `v1/streams/stock?${named(names)}&every_ms=${EVERY_MS}`,
    told,
    (live) => sale && set({ ...sale, live }),
  );
  timer = window.setInterval(point, POINT_MS);
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
