// The audit: who did what to stock, orders and rules (from the log), and to users and keys.

import { useState } from "react";
import { get, query } from "../lib/api";
import { absolute, whole } from "../lib/format";
import { type Key, t, word } from "../lib/i18n";
import { useLoad } from "../lib/load";
import type { Access, Audited } from "../lib/people";
import { Ago } from "../ui/bits";
import { Listed, usePages } from "../ui/listed";

const ROWS = 50;
const EVERY_MS = 5_000; // the newest page is read anew
const MOVED = 4; // of one paper, that are named
interface Row {
  key: string;
  at: string;
  who: string;
  what: string;
  of: string;
  change: string;
}
interface Read {
  rows: Row[];
  next: string | null;
}

const short = (value: unknown): string =>
  typeof value === "object" && value
    ? Object.entries(value)
        .map(([name, one]) => `${name} ${typeof one === "object" ? JSON.stringify(one) : one}`)
        .join(", ")
    : String(value ?? "");

/** Only what differs, before and after. */
function changeOf(before: unknown, after: unknown): string {
  const [old, now] = [before ?? {}, after ?? {}] as Record<string, unknown>[];
  const names = [...new Set([...Object.keys(old!), ...Object.keys(now!)])].filter(
    (name) => name !== "seq" && JSON.stringify(old![name]) !== JSON.stringify(now![name]),
  );
  const part = (from: Record<string, unknown>) =>
    short(Object.fromEntries(names.filter((name) => name in from).map((n) => [n, from[n]])));
  const [was, is] = [part(old!), part(now!)];
  return was && is ? `${was} → ${is}` : was ? `${was} → –` : is;
}

const shortened = (moved: string[]): string =>
  moved.length <= MOVED
    ? moved.join("; ")
    : `${moved.slice(0, MOVED).join("; ")}; ${t("audit.more", { n: moved.length - MOVED })}`;

function ofLog(row: Audited): Row {
  const moved = row.moved.map(
    (it) => `${it.sku} ${it.location} ${it.bucket} ${whole(it.before)} → ${whole(it.after)}`,
  );
  return {
    key: String(row.seq),
    at: new Date(row.stamp_us / 1000).toISOString(),
    who: row.actor_name ?? row.actor ?? "",
    what: (row.what ?? row.kind).replaceAll("_", " "),
    of: row.order_id ? `${row.channel}/${row.order_id}` : (row.ref ?? row.subject ?? ""),
    change: moved.length ? shortened(moved) : changeOf(row.before, row.after),
  };
}

const ofAccess = (row: Access, i: number): Row => ({
  key: `${row.at} ${i}`,
  at: row.at,
  who: row.by.replace(/^user:/, ""),
  what: word("access", row.what.replace(".", "_")),
  of: row.of,
  change: changeOf(row.before, row.after),
});

async function read(kind: string, actor: string, cursor: string): Promise<Read> {
  if (kind === "people") {
    const page = await get<{ entries: Access[]; next_cursor: string | null }>(
      "v1/access" + query({ limit: ROWS, cursor }),
    );
    return { rows: page.entries.map(ofAccess), next: page.next_cursor };
  }
  const page = await get<{ done: Audited[]; next_cursor: string | null }>(
    "v1/audit" + query({ limit: ROWS, cursor, actor }),
  );
  return { rows: page.done.map(ofLog), next: page.next_cursor };
}

export function Audit() {
  const [kind, setKind] = useState("log");
  const [actor, setActor] = useState("");
  const { cursor, begin: first, turn } = usePages();
  const found = useLoad(
    `audit ${kind} ${actor} ${cursor}`,
    () => read(kind, actor, cursor),
    cursor ? 0 : EVERY_MS,
  );
  const begin = (next: string, who = "") => {
    setKind(next);
    setActor(who);
    first();
  };
  return (
    <section className="card">
      <h2>{t("audit.title")}</h2>
      <div className="views" role="group" aria-label={t("audit.title")}>
        <button type="button" aria-pressed={kind === "log"} onClick={() => begin("log")}>
          {t("audit.log")}
        </button>
        <button type="button" aria-pressed={kind === "people"} onClick={() => begin("people")}>
          {t("audit.people")}
        </button>
        {kind === "log" && (
          <input
            type="search"
            aria-label={t("audit.actor")}
            placeholder={t("audit.actor")}
            defaultValue={actor}
            onKeyDown={(event) => {
              if (event.key === "Enter") begin("log", event.currentTarget.value.trim());
            }}
          />
        )}
      </div>
      <Listed
        found={found}
        rows={(value) => value.rows}
        heads={["when", "who", "what", "of", "change"].map((head) => t(`audit.${head}` as Key))}
        none={t("audit.none")}
        className="audit"
      >
        {(row) => (
          <tr key={row.key}>
            <td title={absolute(row.at)}>
              <Ago at={row.at} />
            </td>
            <td>{row.who}</td>
            <td>{row.what}</td>
            <td title={row.of}>{row.of}</td>
            <td>{row.change}</td>
          </tr>
        )}
      </Listed>
      {turn(found.value?.next)}
    </section>
  );
}
