// Connections: accounts at channels, as the API tells them.

import { languageNow } from "./i18n";

/** @schema Waiting */
export interface Waiting {
  sold_out: number;
  falling: number;
  rising: number;
}

/** @schema Rate */
export interface Rate {
  total: number;
  counted: number;
  coming: number;
  beyond: number;
  days: number;
  allowed: number;
  held_back: number;
}

/** @schema AccountStatus */
export interface Doing {
  written_at: string;
  listings: number;
  swept_until: string | null;
  inbox: number;
  inbox_s: number;
  dead: number;
  outbox: number;
  waiting: Waiting;
  stale_s: number;
  p50_ms: number | null;
  p99_ms: number | null;
  p99_by_minute_ms: (number | null)[];
  calls: number;
  refused: number;
  failed: number;
  open_until: string | null;
  published: number;
  drifted: number;
  job_failures: number;
  cancellations: Rate | null;
  late_shipments: Rate | null;
  untracked_parcels: Rate | null;
}

export const HEALTHS = [
  "stopped",
  "failing",
  "behind",
  "cancelling",
  "late",
  "untracked",
  "letters",
  "good",
] as const;
export type Health = (typeof HEALTHS)[number];

/** @schema Connection */
export interface Connection {
  account: string;
  connector: string;
  channel: string;
  url: string;
  health: Health;
  status: Doing | null;
}

/** @schema ListingRow */
export interface Listing {
  listing: string;
  sku: string;
  published: boolean;
  wanted: number | null;
  shown: number | null;
  stale_since: string | null;
  failures: number;
  problem: string;
}

/** @schema Letter */
export interface Letter {
  letter: string;
  id: string;
  topic: string;
  by: string;
  at: string;
  problem: string;
  document: string;
  whole: boolean;
}

export const waitingOf = (status: Doing): number =>
  status.waiting.sold_out + status.waiting.falling + status.waiting.rising;

const STEPS: [number, string][] = [
  [60, "second"],
  [60, "minute"],
  [24, "hour"],
  [Infinity, "day"],
];

/** "180 ms", "1.2 sec", "5 min": how long something took or takes. */
export function lasting(seconds: number): string {
  const as = (amount: number, unit: string, digits: number) =>
    new Intl.NumberFormat(languageNow(), {
      style: "unit",
      unit,
      unitDisplay: "short",
      maximumFractionDigits: digits,
    }).format(amount);
  if (seconds < 1) return as(seconds * 1e3, "millisecond", 0);
  let amount = seconds;
  for (const [size, unit] of STEPS) {
    if (amount < size) return as(amount, unit, amount < 10 ? 1 : 0);
    amount /= size;
  }
  return "";
}

/** A document as people read it: JSON by lines, anything else as it came. */
export function readable(document: string): string {
  try {
    return JSON.stringify(JSON.parse(document), null, 2);
  } catch {
    return document;
  }
}
