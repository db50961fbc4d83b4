// The live channel: one stream for this tab, with all that it shows. Parts of the page say what
// they show, and hear of it; when that changes, the tab connects again and begins with the present.

import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { headers, query, Refusal, turnedAway } from "./api";
import { read } from "./sse";
import type { Beat, NowTold, Order, Overview, QueueNews, Stock } from "./types";

const SETTLE_MS = 15; // parts that come together connect once
const AGAIN_MS = 500;
const SKUS_MOST = 100; // the server takes no more
const SILENCE_MS = 6_000; // of a channel that says something every two seconds
const HIDDEN_MS = 10_000; // a tab that nobody looks at leaves, unless it watches a sale

/** What a part shows. */
export interface Part {
  skus?: string[];
  orders?: { status?: string | null; channel?: string | null; q?: string | null };
  order?: [channel: string, order: string];
  now?: boolean;
  /** Goes on while nobody looks. */
  always?: boolean;
}

/** What a part hears; `begun` says that all it is told next is the present, told anew. */
export interface Hears {
  begun?: () => void;
  stock?: (stock: Stock[]) => void;
  orders?: (news: QueueNews) => void;
  order?: (order: Order | null) => void;
  now?: (now: NowTold) => void;
}

export interface Channel {
  beat: Beat | null;
  /** Why there is no answer now, and since when what is shown is not live. */
  lost: Refusal | null;
  since: number;
}

let channel: Channel = { beat: null, lost: null, since: Date.now() };
const parts = new Map<Part, Hears>();
const heard = new Set<() => void>();
let stop: AbortController | null = null;
let address = "";
let settling = 0;
let leaving = 0;

const sorted = (names: Iterable<string>): string => [...new Set(names)].sort().join(",");

const always = (a: Part, b: Part): number => Number(!!b.always) - Number(!!a.always);

function addressNow(): string {
  const wanted = [...parts.keys()];
  const skus = sorted(
    // What goes on while nobody looks comes first: a sale is not cut off by a long page.
    [...new Set(wanted.sort(always).flatMap((part) => part.skus ?? []))]
      .slice(0, SKUS_MOST)
      .map(encodeURIComponent),
  );
  const orders = wanted.find((part) => part.orders)?.orders;
  const order = wanted.find((part) => part.order)?.order;
  const show = sorted([
    ...(orders ? ["orders"] : []),
    ...(wanted.some((part) => part.now) ? ["now"] : []),
  ]);
  const rest = query({ ...orders, order_channel: order?.[0], order_id: order?.[1] });
  const lists = [show && `show=${show}`, skus && `skus=${skus}`, rest.slice(1)];
  return "v1/live?" + lists.filter(Boolean).join("&");
}

function set(next: Partial<Channel>): void {
  channel = { ...channel, ...next };
  for (const tell of heard) tell();
}

function tell(name: string, data: unknown): void {
  if (name === "beat") set({ beat: data as Beat, lost: null, since: Date.now() });
  for (const hears of [...parts.values()]) {
    if (name === "stock") hears.stock?.(data as Stock[]);
    else if (name === "orders") hears.orders?.(data as QueueNews);
    else if (name === "order") hears.order?.(data as Order | null);
    else if (name === "now") hears.now?.(data as NowTold);
  }
}

async function connection(url: string, ends: AbortController): Promise<void> {
  const answer = await fetch(url, { headers: headers(), signal: ends.signal, cache: "no-store" });
  if (!answer.ok || !answer.body) {
    const found = await answer.json().catch(() => ({}));
    if (answer.status === 401) {
      stop?.abort();
      turnedAway(String(found.detail ?? ""));
    }
    throw new Refusal(answer.status, found);
  }
  for (const hears of parts.values()) hears.begun?.();
  let silence = 0;
  const beat = () => {
    window.clearTimeout(silence);
    silence = window.setTimeout(() => ends.abort(), SILENCE_MS);
  };
  beat();
  try {
    await read(answer.body, tell, beat);
  } finally {
    window.clearTimeout(silence);
  }
}

/** Keep this tab connected, with what it shows at the time, until it is to show something else. */
async function run(): Promise<void> {
  const mine = new AbortController();
  stop?.abort();
  stop = mine;
  address = addressNow();
  while (!mine.signal.aborted) {
    const once = new AbortController();
    const end = () => once.abort();
    mine.signal.addEventListener("abort", end);
    let why: unknown = null;
    try {
      await connection(address, once);
    } catch (error) {
      why = error;
    }
    mine.signal.removeEventListener("abort", end);
    if (mine.signal.aborted) return;
    const silent = new Refusal(0, { code: "no_answer", detail: "" });
    const lost = why instanceof Refusal ? why : silent;
    if (!channel.lost) set({ lost });
    await new Promise((done) => setTimeout(done, AGAIN_MS));
  }
}

const watched = (): boolean => !document.hidden || [...parts.keys()].some((part) => part.always);

function settle(anew: boolean): void {
  window.clearTimeout(settling);
  settling = window.setTimeout(() => {
    if (!watched()) return;
    if (anew || stop?.signal.aborted !== false || addressNow() !== address) void run();
  }, SETTLE_MS);
}

function leave(): void {
  window.clearTimeout(leaving);
  if (!document.hidden) return settle(false);
  leaving = window.setTimeout(() => {
    if (!watched()) stop?.abort();
  }, HIDDEN_MS);
}
document.addEventListener("visibilitychange", leave);
window.addEventListener("dibs:leave", () => stop?.abort());

/** Show something from now on; returns how to end that. */
export function show(part: Part, hears: Hears): () => void {
  parts.set(part, hears);
  settle(true);
  return () => {
    parts.delete(part);
    settle(false);
  };
}

/** Show something while this component does. `hears` may be new each time it is drawn. */
export function useShown(part: Part | null, hears: Hears): void {
  const now = useRef(hears);
  now.current = hears;
  const key = JSON.stringify(part);
  useEffect(() => {
    if (!part) return;
    return show(part, {
      begun: () => now.current.begun?.(),
      stock: (stock) => now.current.stock?.(stock),
      orders: (news) => now.current.orders?.(news),
      order: (order) => now.current.order?.(order),
      now: (told) => now.current.now?.(told),
    });
  }, [key]);
}

function follow(tellMe: () => void): () => void {
  heard.add(tellMe);
  if (heard.size === 1) settle(false);
  return () => heard.delete(tellMe);
}

/** How the engine is, and whether what is shown is live. */
export const useChannel = (): Channel => useSyncExternalStore(follow, () => channel);

/** Whether what is shown is live. */
export const live = (): boolean => !channel.lost && channel.beat?.state === "leading";

/** The log position up to which this tab has heard; -1 while it hears nothing. */
export const heardUpTo = (): number => (channel.lost ? -1 : (channel.beat?.seq ?? -1));

/** Whether the views lack some of what this tab has heard: they are asked until they do not. */
export const viewsLack = (): boolean => {
  const { views, seq } = channel.beat ?? { views: null, seq: 0 };
  return views !== null && views < seq;
};

/** The system at a glance, while this component is shown. */
export function usePulse(): { overview: Overview | null; lost: Refusal | null } {
  const [overview, set] = useState<Overview | null>(null);
  useShown({ now: true }, { now: (told) => set(told.overview) });
  return { overview, lost: useChannel().lost };
}
