// CSV as spreadsheets write it: quotes, any of , ; tab between, a mark at the start.

export type Table = { head: string[]; rows: string[][] };

/** The separator that the first line uses most. */
function separator(line: string): string {
  const count = (mark: string) => line.split(mark).length;
  return [",", ";", "\t"].sort((a, b) => count(b) - count(a))[0]!;
}

export function parse(text: string): Table {
  const clean = text.replace(/^\uFEFF/, "");
  const mark = separator(clean.split("\n", 1)[0] ?? "");
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  for (let i = 0; i < clean.length; i++) {
    const at = clean[i]!;
    if (quoted) {
      if (at !== '"') cell += at;
      else if (clean[i + 1] === '"') cell += clean[++i];
      else quoted = false;
    } else if (at === '"' && cell === "") quoted = true;
    else if (at === mark || at === "\n") {
      row.push(cell.replace(/\r$/, ""));
      cell = "";
      if (at === "\n") {
        rows.push(row);
        row = [];
      }
    } else cell += at;
  }
  if (cell || row.length) rows.push([...row, cell.replace(/\r$/, "")]);
  const [head = [], ...rest] = rows.filter((each) => each.some((value) => value.trim() !== ""));
  return { head: head.map((name) => name.trim().toLowerCase()), rows: rest };
}

// A cell that a spreadsheet would take for a formula gets a quote before it.
const safe = (value: string): string =>
  /^[=+@\t]|^-(?![\d.]+$)/.test(value) ? `'${value}` : value;

const written = (value: string | number | undefined): string => {
  const text = safe(String(value ?? ""));
  return /[",;\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

export function csv(head: string[], rows: (string | number | undefined)[][]): string {
  return [head, ...rows].map((row) => row.map(written).join(",")).join("\r\n") + "\r\n";
}

/** Let the browser save a text, or what is one already, as a file. */
export function save(name: string, text: string | Blob): void {
  const link = document.createElement("a");
  const file = text instanceof Blob ? text : new Blob(["\uFEFF", text], { type: "text/csv" });
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
}
