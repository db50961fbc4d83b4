// Imports from CSV: a dry run that looks at every row by itself, and the run that does it.

import { call, freshId, path, Refusal } from "./api";
import { csv, type Table } from "./csv";
import { t } from "./i18n";
import type { StockRow } from "./shelf";
import type { Location } from "./types";
import { count, type CountLine } from "../pages/papers";
import { words } from "../ui/toast";

export type Kind = "counts" | "catalogue";
export const COLUMNS: Record<Kind, { needed: string[]; more: string[] }> = {
  counts: { needed: ["location", "sku", "on_hand"], more: [] },
  catalogue: { needed: ["sku", "title"], more: ["weight_g", "backorderable", "baseline"] },
};
export const ROWS_MOST = 20_000;
const LINES = 200; // of one count; if it is refused, its rows go one by one
const AT_ONCE = 6;

export interface Row {
  number: number; // as the spreadsheet counts, the head being row 1
  cells: string[];
  values: Record<string, string>;
  error: string;
  /** What it changes, in words; empty if nothing. */
  change: string;
}

export interface Plan {
  kind: Kind;
  head: string[];
  rows: Row[];
  missing: string[];
}

const number = (text: string): number | null => (/^\d+$/.test(text) ? Number(text) : null);
const TRUE = new Set(["true", "yes", "1", "ja", "evet"]);
const FALSE = new Set(["false", "no", "0", "", "nein", "hayır"]);

function countFault(values: Record<string, string>, known: Known): string {
  const row = known.skus.get(values.sku!);
  if (!known.locations.has(values.location!))
    return t("import.no_location", { name: values.location! });
  if (!row) return t("import.no_sku", { name: values.sku! });
  if (row.bundle) return t("import.bundle", { name: values.sku! });
  const units = number(values.on_hand!);
  if (units === null) return t("import.no_number", { column: "on_hand", value: values.on_hand! });
  const at = row.at[values.location!];
  const promised = (at?.on_hand ?? 0) - (at?.available ?? 0);
  return units < promised ? t("import.promised", { n: promised }) : "";
}

function skuFault(values: Record<string, string>): string {
  if (!values.sku) return t("import.empty", { column: "sku" });
  for (const column of ["weight_g", "baseline"])
    if (values[column] && number(values[column]!) === null)
      return t("import.no_number", { column, value: values[column]! });
  const said = (values.backorderable ?? "").toLowerCase();
  return TRUE.has(said) || FALSE.has(said)
    ? ""
    : t("import.no_truth", { value: values.backorderable! });
}

interface Known {
  skus: Map<string, StockRow>;
  locations: Set<string>;
}

function changeOf(kind: Kind, values: Record<string, string>, known: Known): string {
  const row = known.skus.get(values.sku!);
  if (kind === "counts") {
    const was = row?.at[values.location!]?.on_hand ?? 0;
    return was === Number(values.on_hand) ? "" : `${was} → ${values.on_hand}`;
  }
  if (!row) return t("import.new");
  return row.title === values.title && values.weight_g === undefined ? "" : t("import.changed");
}

/** Look at a table without changing anything. */
export function plan(kind: Kind, table: Table, stock: StockRow[], locations: Location[]): Plan {
  const known: Known = {
    skus: new Map(stock.map((row) => [row.sku, row])),
    locations: new Set(locations.map((each) => each.location)),
  };
  const missing = COLUMNS[kind].needed.filter((name) => !table.head.includes(name));
  const seen = new Map<string, number>();
  const rows = table.rows.slice(0, ROWS_MOST).map((cells, i): Row => {
    const values: Record<string, string> = {};
    table.head.forEach((name, at) => (values[name] = (cells[at] ?? "").trim()));
    const row = { number: i + 2, cells, values, error: "", change: "" };
    if (missing.length) return row;
    const id = kind === "counts" ? `${values.location}\0${values.sku}` : values.sku!;
    const before = seen.get(id);
    seen.set(id, row.number);
    const fault = kind === "counts" ? countFault(values, known) : skuFault(values);
    const error = before ? t("import.twice", { row: before }) : fault;
    return { ...row, error, change: error ? "" : changeOf(kind, values, known) };
  });
  return { kind, head: table.head, rows, missing };
}

async function countAll(rows: Row[], id: string, known: Map<string, StockRow>, tell: Tell) {
  const lineOf = ({ values }: Row): CountLine => ({
    sku: values.sku!,
    on_hand: Number(values.on_hand),
    expected_on_hand: known.get(values.sku!)?.at[values.location!]?.on_hand ?? 0,
  });
  const place = rows[0]!.values.location!;
  try {
    await count(place, rows.map(lineOf), id);
    rows.forEach((row) => tell(row, ""));
  } catch (error) {
    if (!(error instanceof Refusal) || error.status === 0 || error.status >= 500) throw error;
    for (const row of rows) {
      try {
        await count(place, [lineOf(row)], `${id}-${row.number}`);
        tell(row, "");
      } catch (refusal) {
        tell(row, words(refusal));
      }
    }
  }
}

async function putSku({ values }: Row): Promise<void> {
  await call("PUT", path("skus", values.sku!), {
    title: values.title,
    backorderable: TRUE.has((values.backorderable ?? "").toLowerCase()),
    ...(values.weight_g ? { weight_g: Number(values.weight_g) } : {}),
    ...(values.baseline ? { baseline: Number(values.baseline) } : {}),
  });
}

type Tell = (row: Row, error: string) => void;

/** Do what the dry run found good; `tell` hears of each row. */
export async function run(plan: Plan, stock: StockRow[], tell: Tell): Promise<void> {
  const known = new Map(stock.map((row) => [row.sku, row]));
  const good = plan.rows.filter((row) => !row.error && row.change);
  const jobs: (() => Promise<void>)[] = [];
  if (plan.kind === "catalogue") {
    for (const row of good)
      jobs.push(() =>
        putSku(row).then(
          () => tell(row, ""),
          (error: unknown) => tell(row, words(error)),
        ),
      );
  } else {
    const id = freshId("import");
    const byPlace = new Map<string, Row[]>();
    for (const row of good)
      byPlace.set(row.values.location!, [...(byPlace.get(row.values.location!) ?? []), row]);
    for (const rows of byPlace.values())
      for (let i = 0; i < rows.length; i += LINES)
        jobs.push(() =>
          countAll(rows.slice(i, i + LINES), `${id}-${rows[i]!.number}`, known, tell),
        );
  }
  const worker = async () => {
    for (let job = jobs.shift(); job; job = jobs.shift()) await job();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** The bad rows as they came, with what is wrong in a column more. */
export const badRows = (plan: Plan, bad: Row[]): string =>
  csv(
    [...plan.head, "error"],
    bad.map((row) => [...plan.head.map((_, i) => row.cells[i] ?? ""), row.error]),
  );
