// Stock: every SKU at every location, live; one SKU beside it.

import type { ColDef } from "ag-grid-community";
import { useMemo } from "react";
import { all } from "../lib/api";
import { csv, save } from "../lib/csv";
import { whole } from "../lib/format";
import { type Key, t, useLanguage } from "../lib/i18n";
import { useKeys } from "../lib/keys";
import { useLoad } from "../lib/load";
import { href, patch, useRoute } from "../lib/route";
import { type Measure, MEASURES, type StockRow, useShelf } from "../lib/shelf";
import type { Location } from "../lib/types";
import { Choice, Empty, Trouble } from "../ui/bits";
import { Grid } from "../ui/grid";
import { Icon } from "../ui/icon";
import { SearchBox } from "../ui/search";
import { Views } from "../ui/views";
import { Import } from "./import";
import { SkuPanel } from "./sku";

const NARROW = window.matchMedia("(max-width: 720px)");
const FEW = 8; // so many locations stand before the totals
const BUILT_IN: [string, Record<string, string>][] = [
  ["view.all", {}],
  ["view.sold_out", { only: "sold_out" }],
  ["view.below", { only: "below" }],
  ["view.unavailable", { only: "unavailable", show: "unavailable" }],
];

const ONLY: Record<string, (row: StockRow) => boolean> = {
  sold_out: (row) => row.available <= 0,
  below: (row) => row.baseline !== undefined && row.available < row.baseline,
  unavailable: (row) => row.unavailable > 0,
};

function columnsOf(locations: Location[], measure: Measure): ColDef<StockRow>[] {
  const number = {
    type: "rightAligned",
    width: 100,
    valueFormatter: ({ value }: { value: number | null | undefined }) =>
      value == null ? "" : whole(value),
    enableCellChangeFlash: true,
    cellClassRules: { zero: ({ value }: { value: number | null | undefined }) => value === 0 },
  };
  const plain = { ...number, cellClassRules: undefined };
  const totals = NARROW.matches ? MEASURES.slice(0, 1) : MEASURES;
  const total = (name: Measure) => ({
    ...(name === "available" ? number : plain),
    headerName: t(`unit.${name}`),
    field: name,
  });
  return [
    { headerName: t("line.sku"), field: "sku", width: NARROW.matches ? 105 : 130, pinned: "left" },
    ...(NARROW.matches
      ? []
      : [{ headerName: t("sku.title"), field: "title" as const, minWidth: 160, flex: 1 }]),
    ...(locations.length > FEW ? totals.map(total) : totals.slice(0, 1).map(total)),
    ...locations.map((place) => ({
      ...plain,
      colId: `at ${place.location}`,
      headerName: place.location,
      width: 120,
      valueGetter: ({ data }: { data?: StockRow }) => data?.at[place.location]?.[measure],
    })),
    ...(locations.length > FEW ? [] : totals.slice(1).map(total)),
  ];
}

function exported(rows: StockRow[], locations: Location[], measure: Measure): string {
  const places = locations.map((place) => place.location);
  const head = ["sku", "title", ...MEASURES, ...places.map((place) => `${place} ${measure}`)];
  const lines = rows.map((row) => [
    row.sku,
    row.title,
    ...MEASURES.map((name) => row[name]),
    ...places.map((place) => row.at[place]?.[measure] ?? 0),
  ]);
  return csv(head, lines);
}

export function Stock() {
  const { params } = useRoute();
  const language = useLanguage();
  const shelf = useShelf();
  const places = useLoad("locations", () => all<Location>("locations", "locations"));
  const measure = (params.get("show") as Measure) || "available";
  const needle = (params.get("q") ?? "").toLocaleLowerCase();
  const only = params.get("only") ?? "";
  const open = params.get("open") ?? "";
  const panel = params.get("panel") ?? "";
  const locations = places.value ?? [];
  const columns = useMemo(() => columnsOf(locations, measure), [places.value, measure, language]);
  const rows = useMemo(
    () =>
      shelf.rows &&
      shelf.rows.filter(
        (row) =>
          (!only || ONLY[only]?.(row)) &&
          (!needle ||
            row.sku.toLocaleLowerCase().includes(needle) ||
            row.title.toLocaleLowerCase().includes(needle)),
      ),
    [shelf.rows, only, needle],
  );
  const importing = () => patch({ panel: "import", open: "" });
  useKeys({ I: importing });
  return (
    <div className="split">
      <div className="main">
        <Views store="stock" builtIn={BUILT_IN} names={["only", "show", "q"]} />
        <div className="filters">
          <SearchBox value={params.get("q") ?? ""} label={t("stock.search")} />
          <Choice
            name={t("stock.show")}
            value={measure}
            onChange={(show) => patch({ show: show === "available" ? "" : show })}
            options={MEASURES.map((name): [string, string] => [
              name,
              t("stock.by", { measure: t(`unit.${name}` as Key) }),
            ])}
          />
          <button type="button" onClick={importing} title="I">
            <Icon name="upload" /> {t("import.title")}
          </button>
          <button
            type="button"
            disabled={!rows?.length}
            onClick={() => save("stock.csv", exported(rows!, locations, measure))}
          >
            <Icon name="download" /> {t("act.export")}
          </button>
        </div>
        {shelf.error && <Trouble error={shelf.error} again={shelf.again} />}
        <Grid<StockRow>
          label={t("nav.stock")}
          rows={places.value || places.error ? rows : null}
          columns={columns}
          rowId={(row) => row.sku}
          open={open}
          onOpen={(row) => patch({ open: row.sku, panel: "" })}
          onApi={(api) => (shelf.grid.current = api)}
          onView={shelf.view}
          empty={
            <Empty title={shelf.rows?.length ? t("stock.none_such") : t("stock.none")}>
              {shelf.rows?.length ? (
                <button type="button" onClick={() => patch({ q: "", only: "" })}>
                  {t("stock.all")}
                </button>
              ) : (
                <>
                  <p>{t("stock.none_how")}</p>
                  <p>
                    <a href={href("locations")}>{t("nav.locations")}</a>
                  </p>
                  <button type="button" className="primary" onClick={importing}>
                    {t("import.title")}
                  </button>
                </>
              )}
            </Empty>
          }
        />
        <p className="count soft" role="status">
          {rows && t("stock.count", { n: rows.length })}
          {shelf.live && ` · ${t("stock.live")}`}
          {!shelf.whole && ` · ${t("stock.not_whole")}`}
        </p>
      </div>
      {open && (
        <SkuPanel
          sku={open}
          locations={locations}
          onChanged={shelf.again}
          onClose={() => patch({ open: "" })}
        />
      )}
      {panel === "import" && (
        <Import
          locations={locations}
          rows={shelf.rows ?? []}
          onDone={shelf.again}
          onClose={() => patch({ panel: "" })}
        />
      )}
    </div>
  );
}
