// What pages about people, keys and services share: a table of what was read, a button that asks
// once more, a secret that is shown once.

import { type ReactNode, useState } from "react";
import { t } from "../lib/i18n";
import type { Loaded } from "../lib/load";
import { Closable, Empty, Skeleton, Trouble } from "./bits";
import { said } from "./toast";

/** Rows of what was read, or that it is on its way, or why it did not come. */
export function Listed<T, Row>(props: {
  found: Loaded<T>;
  rows: (value: T) => Row[];
  heads: string[];
  /** Names the last column, of buttons; nobody sees it. */
  acts?: string;
  /** What is said where there are none; without it, the heads stand alone. */
  none?: string;
  className?: string;
  children: (row: Row, at: number) => ReactNode;
}) {
  const { value, error, again } = props.found;
  if (error) return <Trouble error={error} again={again} />;
  if (!value) return <Skeleton />;
  const rows = props.rows(value);
  if (!rows.length && props.none) return <Empty title={props.none} />;
  return (
    <div className="wide">
      <table className={props.className}>
        <thead>
          <tr>
            {props.heads.map((head) => (
              <th key={head}>{head}</th>
            ))}
            {props.acts && (
              <th>
                <span className="hidden">{props.acts}</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>{rows.map(props.children)}</tbody>
      </table>
    </div>
  );
}

/** Pages by cursor: what to ask with, and the two buttons that turn them. */
export function usePages(): {
  cursor: string;
  begin: () => void;
  turn: (next?: string | null) => ReactNode;
} {
  const [cursors, setCursors] = useState<string[]>([""]);
  return {
    cursor: cursors[cursors.length - 1]!,
    begin: () => setCursors([""]),
    turn: (next) => (
      <div className="row">
        <button
          type="button"
          disabled={cursors.length < 2}
          onClick={() => setCursors(cursors.slice(0, -1))}
        >
          {t("audit.newer")}
        </button>
        <button type="button" disabled={!next} onClick={() => setCursors([...cursors, next!])}>
          {t("audit.older")}
        </button>
      </div>
    ),
  };
}

/** A button that asks once more before it does what cannot be undone. */
export function Sure(props: { label: string; of: string; sure: string; onDo: () => void }) {
  const [asked, setAsked] = useState(false);
  if (!asked)
    return (
      <Closable label={`${props.label}: ${props.of}`} onClick={() => setAsked(true)}>
        {props.label}
      </Closable>
    );
  return (
    <>
      <button
        type="button"
        className="danger"
        autoFocus
        onClick={() => {
          setAsked(false);
          props.onDo();
        }}
      >
        {props.sure}
      </button>
      <button type="button" onClick={() => setAsked(false)}>
        {t("act.leave")}
      </button>
    </>
  );
}

/** A secret that is shown once: nobody can ask for it again. */
export function Once(props: { title: string; text: string; how: string; onDone: () => void }) {
  return (
    <div className="once" role="status">
      <p>{props.title}</p>
      <p>
        <code>{props.text}</code>
      </p>
      <p className="soft">{props.how}</p>
      <div className="row">
        <button
          type="button"
          onClick={() =>
            void navigator.clipboard.writeText(props.text).then(() => said(t("once.copied")))
          }
        >
          {t("once.copy")}
        </button>
        <button type="button" onClick={props.onDone}>
          {t("once.done")}
        </button>
      </div>
    </div>
  );
}
