// What every page shows at the top, and the curves of the page Now: the overview once a second
// while somebody looks, the metrics every other time. One poll for the whole tab.

import { useSyncExternalStore } from "react";
import { get, hasKey, headers, Refusal } from "./api";
import type { Overview } from "./types";

const EVERY_MS = 1_000;
export const POINTS = 300;

export interface Pulse {
  overview: Overview | null;
  /** Whether the last poll was answered, and by what it was refused if not. */
  lost: Refusal | null;
  /** Seconds since 1970, and beside it the curves' values; a ring of `POINTS`. */
  at: number[];
  orders: number[];
  commands: number[];
  refusals: number[];
  append: number[];
  answer: number[];
  queue: number;
}

let pulse: Pulse = {
  overview: null,
  lost: null,
  at: [],
  orders: [],
  commands: [],
  refusals: [],
  append: [],
  answer: [],
  queue: 0,
};
interface Counted {
  ms: number;
  orders: number;
  commands: number;
  refusals: number;
  batches: number;
  append: number;
}
let before: Counted | null = null;
let timer = 0;
const heard = new Set<() => void>();

const last = (ring: number[]): number => ring[ring.length - 1] ?? 0;
const push = (ring: number[], value: number): number[] => [...ring, value].slice(-POINTS);

function metric(text: string, name: string): number {
  const found = new RegExp(`^dibs_engine_${name} (\\S+)`, "m").exec(text);
  return found ? Number(found[1]) : 0;
}

async function look(): Promise<void> {
  const began = performance.now();
  try {
    const overview = await get<Overview>("v1/overview");
    const answer = performance.now() - began;
    const text = await (await fetch("metrics", { headers: headers() })).text();
    const found: Counted = {
      ms: performance.now(),
      orders: overview.rows.orders ?? 0,
      commands: metric(text, "commands_total"),
      refusals: metric(text, "refusals_total"),
      batches: metric(text, "batches_total"),
      append: metric(text, "append_seconds_total"),
    };
    pulse = added(overview, found, answer, metric(text, "queue_depth"));
    before = found;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    pulse = { ...pulse, lost: error };
    before = null; // rates over a gap would be wrong
  }
  for (const tell of heard) tell();
}

function added(overview: Overview, found: Counted, answer: number, queue: number): Pulse {
  const next = { ...pulse, overview, lost: null, queue };
  if (!before) return next;
  const seconds = (found.ms - before.ms) / 1000;
  const rate = (name: "orders" | "commands" | "refusals") =>
    Math.max(0, (found[name] - before![name]) / seconds);
  const batches = found.batches - before.batches;
  const append = batches > 0 ? ((found.append - before.append) / batches) * 1000 : null;
  return {
    ...next,
    at: push(pulse.at, Date.now() / 1000),
    orders: push(pulse.orders, rate("orders")),
    commands: push(pulse.commands, rate("commands")),
    refusals: push(pulse.refusals, rate("refusals")),
    append: push(pulse.append, append ?? last(pulse.append)),
    answer: push(pulse.answer, answer),
  };
}

async function turn(): Promise<void> {
  window.clearTimeout(timer);
  if (hasKey() && !document.hidden) await look();
  if (heard.size) timer = window.setTimeout(turn, EVERY_MS);
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && heard.size) void turn();
});

function follow(tell: () => void): () => void {
  heard.add(tell);
  if (heard.size === 1) void turn();
  return () => {
    heard.delete(tell);
    if (!heard.size) window.clearTimeout(timer);
  };
}

export const usePulse = (): Pulse => useSyncExternalStore(follow, () => pulse);
export const newest = last;
