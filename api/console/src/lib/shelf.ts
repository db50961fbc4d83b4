// Stock as the grid shows it: all SKUs by pages, then what is in sight live.

import type { GridApi } from "ag-grid-community";
import { useCallback, useEffect, useRef, useState } from "react";
import { get, query, Refusal } from "./api";
import { heardUpTo, live, useChannel, useShown } from "./live";
import type { Page, Position, Sku, Stock, Units } from "./types";

const PAGE = 200; // of one read of stock
const MOST = 20_000; // SKUs held by one tab
const SEEN_MOST = 99; // in sight; one more may be open beside them
const ROUND_MS = 2_000; // one page is read again each time, in turn, while the log grows
const SETTLE_MS = 150;

export const MEASURES = ["available", "on_hand", "reserved", "allocated", "unavailable"] as const;
export type Measure = (typeof MEASURES)[number];

export interface StockRow extends Units {
  sku: string;
  title: string;
  bundle: boolean;
  backorderable: boolean;
  baseline?: number;
  at: Record<string, Position>;
}

/** The row with its stock as it is now. */
function stocked(row: Omit<StockRow, keyof Units | "at">, stock: Stock | undefined): StockRow {
  const at: Record<string, Position> = {};
  for (const position of stock?.locations ?? []) at[position.location] = position;
  return {
    ...row,
    on_hand: stock?.on_hand ?? 0,
    reserved: stock?.reserved ?? 0,
    allocated: stock?.allocated ?? 0,
    unavailable: stock?.unavailable ?? 0,
    available: stock?.available ?? 0,
    at,
  };
}

const rowOf = (sku: Sku, stock: Stock | undefined): StockRow =>
  stocked(
    {
      sku: sku.sku,
      title: sku.title,
      bundle: !!sku.components?.length,
      backorderable: sku.backorderable,
      baseline: sku.baseline,
    },
    stock,
  );

export function useShelf() {
  const byName = useRef(new Map<string, StockRow>());
  const [rows, setRows] = useState<StockRow[] | null>(null);
  const [error, setError] = useState<Refusal | null>(null);
  useChannel(); // whether it is live is shown
  const [turn, setTurn] = useState(0);
  const grid = useRef<GridApi<StockRow> | null>(null);
  const [seen, setSeen] = useState<string[]>([]);

  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    const cursors: string[] = [];
    const page = async (cursor: string): Promise<string | null> => {
      const which = query({ limit: PAGE, cursor });
      const [skus, stock] = await Promise.all([
        get<Page<"skus", Sku>>("v1/skus" + which, stop.signal),
        get<Page<"stock", Stock>>("v1/stock" + which, stop.signal),
      ]);
      const found = new Map(stock.stock.map((each) => [each.sku, each]));
      for (const sku of skus.skus) byName.current.set(sku.sku, rowOf(sku, found.get(sku.sku)));
      return skus.next_cursor;
    };
    const show = () => setRows([...byName.current.values()]);
    const run = async () => {
      try {
        for (let cursor: string | null = ""; cursor !== null;) {
          cursors.push(cursor);
          cursor = await page(cursor);
          if (cursors.length === 1) show();
          if (byName.current.size >= MOST) break;
        }
        show();
        setError(null);
      } catch (refusal) {
        if (stop.signal.aborted) return;
        setError(refusal as Refusal);
      }
      let at = 0;
      let calm = 0; // pages read since the log has grown
      let seq = -1;
      const round = async () => {
        const now = heardUpTo();
        calm = now >= 0 && now === seq ? calm + 1 : 0;
        seq = now;
        try {
          if (!document.hidden && cursors.length && calm <= cursors.length) {
            const next = await page(cursors[at++ % cursors.length]!);
            if (next && at === cursors.length && byName.current.size < MOST) cursors.push(next);
            show();
            setError(null);
          }
        } catch (refusal) {
          if (stop.signal.aborted) return;
          setError(refusal as Refusal);
        }
        timer = window.setTimeout(round, ROUND_MS);
      };
      timer = window.setTimeout(round, ROUND_MS);
    };
    void run();
    return () => {
      stop.abort();
      window.clearTimeout(timer);
    };
  }, [turn]);

  useShown(seen.length ? { skus: seen } : null, {
    stock: (found) => {
      const update: StockRow[] = [];
      for (const stock of found) {
        const row = byName.current.get(stock.sku);
        if (!row) continue;
        const next = stocked(row, stock);
        byName.current.set(stock.sku, next);
        update.push(next);
      }
      if (update.length) grid.current?.applyTransactionAsync({ update });
    },
  });

  const timer = useRef(0);
  const view = useCallback((first: number, last: number) => {
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      const found: string[] = [];
      for (let i = first; i <= last && found.length < SEEN_MOST; i++) {
        const row = grid.current?.getDisplayedRowAtIndex(i)?.data;
        if (row) found.push(row.sku);
      }
      const next = found.sort();
      setSeen((old) => (old.join("\n") === next.join("\n") ? old : next));
    }, SETTLE_MS);
  }, []);
  const again = useCallback(() => setTurn((n) => n + 1), []);
  return {
    rows,
    error,
    live: live() && seen.length > 0,
    grid,
    view,
    again,
    whole: (rows?.length ?? 0) < MOST,
  };
}
