// Import of counts and of the catalogue: choose a file, see what it would do, do it.

import { useState } from "react";
import { csv, parse, save } from "../lib/csv";
import { t } from "../lib/i18n";
import { badRows, COLUMNS, type Kind, type Plan, plan, type Row, run } from "../lib/importing";
import type { StockRow } from "../lib/shelf";
import type { Location } from "../lib/types";
import { Choice, Doing, Field, Panel } from "../ui/bits";
import { Icon } from "../ui/icon";
import { said } from "../ui/toast";

const SHOWN = 100;
const KINDS: Kind[] = ["counts", "catalogue"];

function Rows({ rows }: { rows: Row[] }) {
  return (
    <table className="rows">
      <tbody>
        {rows.slice(0, SHOWN).map((row) => (
          <tr key={row.number}>
            <td className="soft right">{row.number}</td>
            <td>
              {row.values.location ? `${row.values.sku} · ${row.values.location}` : row.values.sku}
            </td>
            <td>{row.error ? <span className="wrong">{row.error}</span> : row.change}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Import(props: {
  locations: Location[];
  rows: StockRow[];
  onDone: () => void;
  onClose: () => void;
}) {
  const [kind, setKind] = useState<Kind>("counts");
  const [text, setText] = useState<{ name: string; text: string } | null>(null);
  const [found, setFound] = useState<Plan | null>(null);
  const [done, setDone] = useState(0);
  const look = (next: Kind, file: { name: string; text: string } | null) => {
    setKind(next);
    setText(file);
    setDone(0);
    setFound(file && plan(next, parse(file.text), props.rows, props.locations));
  };
  const bad = found?.rows.filter((row) => row.error) ?? [];
  const changing = found?.rows.filter((row) => !row.error && row.change) ?? [];
  const same = (found?.rows.length ?? 0) - bad.length - changing.length;
  const { needed, more } = COLUMNS[kind];
  const go = async () => {
    const errors = new Map<number, string>();
    let went = 0;
    await run(found!, props.rows, (row, error) => {
      if (error) errors.set(row.number, error);
      else went++;
      setDone((n) => n + 1);
    });
    const rows = found!.rows.map((row) =>
      errors.has(row.number) ? { ...row, error: errors.get(row.number)! } : { ...row, change: "" },
    );
    setFound({ ...found!, rows });
    props.onDone();
    said(t("import.done", { n: went }));
  };
  return (
    <Panel title={t("import.title")} onClose={props.onClose}>
      <Doing
        title={found ? t("import.dry") : t("import.how")}
        action={t("import.do", { n: changing.length })}
        scope={kind === "counts" ? "stock" : "plan"}
        ready={changing.length > 0}
        onCancel={props.onClose}
        onDo={go}
      >
        <Field label={t("import.what")}>
          <Choice
            value={kind}
            options={KINDS.map((each) => [each, t(`import.${each}`)])}
            onChange={(next) => look(next as Kind, text)}
          />
        </Field>
        <Field
          label={t("import.file")}
          hint={t(more.length ? "import.columns" : "import.columns_all", {
            needed: needed.join(", "),
            more: more.join(", "),
          })}
        >
          <input
            type="file"
            accept=".csv,.tsv,.txt,text/csv"
            onChange={async (event) => {
              const file = event.target.files?.[0];
              if (file) look(kind, { name: file.name, text: await file.text() });
            }}
          />
        </Field>
        <div className="row">
          <button
            type="button"
            className="link"
            onClick={() => save(`${kind}.csv`, csv([...needed, ...more], []))}
          >
            <Icon name="download" /> {t("import.template")}
          </button>
        </div>
        {found && found.missing.length > 0 && (
          <p className="wrong" role="alert">
            {t("import.missing", { columns: found.missing.join(", ") })}
          </p>
        )}
        {found && found.missing.length === 0 && (
          <p role="status">{t("import.found", { n: changing.length, same, bad: bad.length })}</p>
        )}
        {done > 0 && <progress value={done} max={Math.max(done, changing.length)} />}
      </Doing>
      {bad.length > 0 && (
        <>
          <div className="row">
            <h3>{t("import.bad", { n: bad.length })}</h3>
            <button
              type="button"
              onClick={() => save(`bad-${text?.name ?? "rows.csv"}`, badRows(found!, bad))}
            >
              <Icon name="download" /> {t("import.save_bad")}
            </button>
          </div>
          <Rows rows={bad} />
        </>
      )}
      {changing.length > 0 && (
        <>
          <h3>{t("import.changes", { n: changing.length })}</h3>
          <Rows rows={changing} />
        </>
      )}
    </Panel>
  );
}
