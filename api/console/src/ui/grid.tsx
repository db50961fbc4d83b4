// The grid of all pages: AG Grid Community with only the modules that are used, in our colours,
// and with the keys of a list: j, k, x, Enter.

import {
  CellStyleModule,
  ClientSideRowModelApiModule,
  ClientSideRowModelModule,
  ColumnApiModule,
  type ColDef,
  type GetRowIdParams,
  type GridApi,
  HighlightChangesModule,
  ModuleRegistry,
  RowApiModule,
  RowSelectionModule,
  RowStyleModule,
  ScrollApiModule,
  themeQuartz,
} from "ag-grid-community";
import { AgGridReact } from "ag-grid-react";
import { useEffect, useMemo, useRef } from "react";
import { t } from "../lib/i18n";
import { useKeys } from "../lib/keys";
import { Skeleton } from "./bits";

ModuleRegistry.registerModules([
  CellStyleModule,
  ClientSideRowModelApiModule,
  ClientSideRowModelModule,
  ColumnApiModule,
  HighlightChangesModule,
  RowApiModule,
  RowSelectionModule,
  RowStyleModule,
  ScrollApiModule,
]);

const nonce = document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce ?? "";
const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;

const theme = themeQuartz.withParams({
  accentColor: "var(--accent)",
  backgroundColor: "var(--card)",
  foregroundColor: "var(--ink)",
  borderColor: "var(--rule)",
  headerBackgroundColor: "var(--ground)",
  headerTextColor: "var(--soft)",
  oddRowBackgroundColor: "var(--card)",
  rowHoverColor: "var(--hover)",
  selectedRowBackgroundColor: "var(--chosen)",
  valueChangeValueHighlightBackgroundColor: "var(--flash)",
  fontFamily: "inherit",
  fontSize: 13,
  headerFontSize: 12,
  rowHeight: 30,
  headerHeight: 30,
  cellHorizontalPadding: 10,
  wrapperBorder: false,
  wrapperBorderRadius: 0,
});

const base: ColDef = { sortable: true, resizable: true, suppressMovable: true, minWidth: 60 };
const MARGIN_PX = 600;

export interface GridProps<Row> {
  label: string;
  rows: Row[] | null;
  columns: ColDef<Row>[];
  rowId: (row: Row) => string;
  /** Id of the row whose panel is open. */
  open?: string;
  onOpen: (row: Row) => void;
  /** Rows can be selected where this is given. */
  onSelect?: (rows: Row[]) => void;
  /** Asked when the end of what is loaded comes near. */
  onEnd?: () => void;
  onView?: (first: number, last: number) => void;
  onApi?: (api: GridApi<Row>) => void;
  empty?: React.ReactNode;
}

function move<Row>(api: GridApi<Row> | null, by: number): void {
  const count = api?.getDisplayedRowCount() ?? 0;
  if (!api || !count) return;
  const at = api.getFocusedCell()?.rowIndex ?? (by > 0 ? -1 : count);
  const next = Math.min(count - 1, Math.max(0, at + by));
  const column = api.getFocusedCell()?.column ?? api.getAllDisplayedColumns()[0]!;
  api.ensureIndexVisible(next);
  api.setFocusedCell(next, column);
}

export function Grid<Row>(props: GridProps<Row>) {
  const grid = useRef<GridApi<Row> | null>(null);
  const held = useRef(props);
  held.current = props;
  const focused = () => {
    const at = grid.current?.getFocusedCell()?.rowIndex;
    return at == null ? undefined : grid.current?.getDisplayedRowAtIndex(at);
  };
  const open = () => {
    const row = focused()?.data;
    if (row) held.current.onOpen(row);
  };
  useKeys({
    j: () => move(grid.current, 1),
    k: () => move(grid.current, -1),
    x: () => {
      const row = focused();
      row?.setSelected(!row.isSelected());
    },
    Enter: open,
  });
  useEffect(() => {
    grid.current?.redrawRows();
  }, [props.open]);
  const select = !!props.onSelect;
  const selection = useMemo(
    () =>
      select
        ? { mode: "multiRow" as const, enableClickSelection: false, headerCheckbox: true }
        : undefined,
    [select],
  );
  if (props.rows === null) return <Skeleton lines={14} />;
  if (props.rows.length === 0 && props.empty) return <>{props.empty}</>;
  return (
    <div className="grid" role="region" aria-label={props.label}>
      <AgGridReact<Row>
        theme={theme}
        styleNonce={nonce}
        rowData={props.rows}
        columnDefs={props.columns}
        defaultColDef={base}
        getRowId={(row: GetRowIdParams<Row>) => held.current.rowId(row.data)}
        rowSelection={selection}
        selectionColumnDef={{ width: 40, minWidth: 40, maxWidth: 40, resizable: false }}
        rowClassRules={{
          opened: (row) => !!row.data && held.current.rowId(row.data) === held.current.open,
        }}
        animateRows={false}
        suppressCellFocus={false}
        suppressColumnVirtualisation={false}
        asyncTransactionWaitMillis={100}
        cellFlashDuration={calm ? 0 : 400}
        cellFadeDuration={calm ? 0 : 600}
        suppressNoRowsOverlay
        onGridReady={(event) => {
          grid.current = event.api;
          held.current.onApi?.(event.api);
        }}
        onRowClicked={(event) => {
          const path = event.event?.target as HTMLElement | undefined;
          if (event.data && !path?.closest(".ag-selection-checkbox"))
            held.current.onOpen(event.data);
        }}
        onCellKeyDown={(event) => {
          const key = (event.event as KeyboardEvent | undefined)?.key;
          if (key === "Enter" && event.data) held.current.onOpen(event.data as Row);
        }}
        onSelectionChanged={(event) => held.current.onSelect?.(event.api.getSelectedRows())}
        onBodyScroll={(event) => {
          const range = event.api.getVerticalPixelRange();
          const end = event.api.getDisplayedRowCount() * 30;
          if (range.bottom > end - MARGIN_PX) held.current.onEnd?.();
        }}
        onViewportChanged={(event) => held.current.onView?.(event.firstRow, event.lastRow)}
      />
      <p className="hint">{t("grid.keys")}</p>
    </div>
  );
}
