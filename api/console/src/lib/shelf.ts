// Stock as the grid shows it: all SKUs by pages, then what is in sight live.

import type { GridApi } from "ag-grid-community";
import { useCallback, useEffect, useRef, useState } from "react";
import { get, query, Refusal } from "./api";
import { follow } from "./sse";
import type { Page, Position, Sku, Stock, StockState, Units } from "./types";

const PAGE = 200; // of one read of stock
const MOST = 20_000; // SKUs held by one tab
const SEEN_MOST = 100; // of one stream of states
const EVERY_MS = 250;
const ROUND_MS = 2_000; // one page is read again each time, in turn
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

function rowOf(sku: Sku, stock: Stock | undefined): StockRow {
  const at: Record<string, Position> = {};
  for (const position of stock?.locations ?? []) at[position.location] = position;
  return {
    sku: sku.sku,
    title: sku.title,
    bundle: !!sku.components?.length,
    backorderable: sku.backorderable,
    baseline: sku.baseline,
    on_hand: stock?.on_hand ?? 0,
    reserved: stock?.reserved ?? 0,
    allocated: stock?.allocated ?? 0,
    unavailable: stock?.unavailable ?? 0,
    available: stock?.available ?? 0,
    at,
  };
}

/** The row with one position as a state tells it, the totals made anew. */
function told(row: StockRow, state: StockState): StockRow {
  const next = { ...row, at: { ...row.at, [state.location]: state } };
  for (const measure of MEASURES)
    next[measure] = Object.values(next.at).reduce((sum, position) => sum + position[measure], 0);
  return next;
}

export function useShelf() {
  const byName = useRef(new Map<string, StockRow>());
  const [rows, setRows] = useState<StockRow[] | null>(null);
  const [error, setError] = useState<Refusal | null>(null);
  const [live, setLive] = useState(false);
  const [turn, setTurn] = useState(0);
  const grid = useRef<GridApi<StockRow> | null>(null);
  const [seen, setSeen] = useState("");

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
      const round = async () => {
        try {
          if (!document.hidden && cursors.length) {
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

  useEffect(() => {
    if (!seen) return;
    return follow<StockState>(
      `v1/streams/stock?skus=${seen}&every_ms=${EVERY_MS}`,
      (states) => {
        const changed = new Set<string>();
        for (const state of states) {
          const row = byName.current.get(state.sku);
          if (!row) continue;
          byName.current.set(state.sku, told(row, state));
          changed.add(state.sku);
        }
        const update = [...changed].map((sku) => byName.current.get(sku)!);
        grid.current?.applyTransactionAsync({ update });
      },
      setLive,
    );
  }, [seen]);

  const timer = useRef(0);
  const view = useCallback((first: number, last: number) => {
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      const found: string[] = [];
      for (let i = first; i <= last && found.length < SEEN_MOST; i++) {
        const row = grid.current?.getDisplayedRowAtIndex(i)?.data;
        if (row && !row.bundle) found.push(row.sku);
      }
      setSeen(found.map(encodeURIComponent).sort().join(","));
    }, SETTLE_MS);
  }, []);
  const again = useCallback(() => setTurn((n) => n + 1), []);
  return { rows, error, live, grid, view, again, whole: (rows?.length ?? 0) < MOST };
}
