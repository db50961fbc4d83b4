// The curves of the page Now: a ring of what it was told each second. They stay while other pages
// are looked at.

import { useSyncExternalStore } from "react";
import type { NowTold } from "./types";

export const POINTS = 300;
const CURVES = ["orders", "units", "decided", "refused", "p50", "p99", "append"] as const;

export interface Curves extends Record<(typeof CURVES)[number], (number | null)[]> {
  /** Seconds since 1970. */
  at: number[];
  told: NowTold | null;
}

let curves: Curves = {
  at: [],
  told: null,
  orders: [],
  units: [],
  decided: [],
  refused: [],
  p50: [],
  p99: [],
  append: [],
};
const heard = new Set<() => void>();

export function add(told: NowTold): void {
  const found = told.gauges;
  const values = {
    orders: found.orders_per_s,
    units: found.units_per_s,
    decided: found.decided_per_s,
    refused: found.refused_per_s,
    p50: found.p50_ms,
    p99: found.p99_ms,
    append: found.append_ms,
  };
  const next = { ...curves, told };
  const last = curves.at[curves.at.length - 1] ?? 0;
  if (told.at > last) {
    next.at = [...curves.at, told.at].slice(-POINTS);
    for (const name of CURVES) next[name] = [...curves[name], values[name]].slice(-POINTS);
  }
  curves = next;
  for (const tell of heard) tell();
}

export const useCurves = (): Curves =>
  useSyncExternalStore(
    (tell) => {
      heard.add(tell);
      return () => heard.delete(tell);
    },
    () => curves,
  );
