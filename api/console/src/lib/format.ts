// Numbers, money and times as people read them.

import { languageNow } from "./i18n";
import type { Order } from "./types";

export const whole = (n: number): string => Math.round(n).toLocaleString(languageNow());

/** Minor units as money; without a currency, as a plain number. */
/** A share of all, like 2.5 %. */
export const share = (part: number): string =>
  part.toLocaleString(languageNow(), { style: "percent", maximumFractionDigits: 1 });

export function money(minor: number, currency?: string): string {
  if (!currency) return (minor / 100).toFixed(2);
  const style = new Intl.NumberFormat(languageNow(), { style: "currency", currency });
  const digits = style.resolvedOptions().maximumFractionDigits ?? 2;
  return style.format(minor / 10 ** digits);
}

const STEPS: [number, Intl.RelativeTimeFormatUnit][] = [
  [60, "second"],
  [60, "minute"],
  [24, "hour"],
  [30, "day"],
  [12, "month"],
  [Infinity, "year"],
];

/** "3 minutes ago", "in 2 hours". */
export function relative(iso: string, now = Date.now()): string {
  let amount = (Date.parse(iso) - now) / 1000;
  for (const [size, unit] of STEPS) {
    if (Math.abs(amount) < size) {
      const style = new Intl.RelativeTimeFormat(languageNow(), { numeric: "auto", style: "short" });
      return style.format(Math.round(amount), unit);
    }
    amount /= size;
  }
  return iso;
}

export const absolute = (iso: string): string =>
  new Date(iso).toLocaleString(languageNow(), { dateStyle: "medium", timeStyle: "medium" });

export const unitsOf = (order: Order): number =>
  order.lines.reduce((sum, line) => sum + line.quantity - (line.cancelled ?? 0), 0);

export const waitingOf = (order: Order): number =>
  order.lines.reduce((sum, line) => sum + (line.backordered ?? 0), 0);

export const valueOf = (order: Order): number =>
  order.lines.reduce(
    (sum, line) => sum + (line.quantity - (line.cancelled ?? 0)) * (line.unit_price ?? 0),
    0,
  );

/** Units still allocated, by location, the most first. */
export function placesOf(order: Order): [string, number][] {
  const found = new Map<string, number>();
  for (const line of order.lines)
    for (const part of line.allocations)
      found.set(part.location, (found.get(part.location) ?? 0) + part.quantity);
  return [...found].sort((a, b) => b[1] - a[1]);
}

export const keyOf = (order: { channel: string; order_id: string }): string =>
  `${encodeURIComponent(order.channel)}/${encodeURIComponent(order.order_id)}`;
