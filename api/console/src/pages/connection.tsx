// One connection: what is wrong and what helps, its listings, and its dead letters.

import { useState } from "react";
import { call, get, path, query } from "../lib/api";
import {
  type Connection,
  type Doing,
  type Letter,
  type Listing,
  type Rate,
  lasting,
  readable,
  waitingOf,
} from "../lib/connections";
import { share, whole } from "../lib/format";
import { type Key, t, word } from "../lib/i18n";
import { useLoad } from "../lib/load";
import { href, patch, useRoute } from "../lib/route";
import { Ago, Closable, Panel, Skeleton, Trouble } from "../ui/bits";
import { HealthOf } from "../ui/health";
import { Icon } from "../ui/icon";
import { attempt, said } from "../ui/toast";

const EVERY_MS = 2_000;
const ROWS = 50;

function Fact({ name, children }: { name: Key; children: React.ReactNode }) {
  return (
    <div>
      <dt>{t(name)}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const counts = (parts: [string, number][]): string =>
  parts
    .filter(([, n]) => n)
    .map(([name, n]) => `${name} ${whole(n)}`)
    .join(", ") || "–";

/** What a channel holds against the seller, what is to come of it, and what is done about it. */
function Held({ rate, name, coming }: { rate: Rate; name: Key; coming?: Key }) {
  const all = (rate.counted + rate.coming) / Math.max(rate.total + rate.beyond, 1);
  return (
    <>
      {t(name, {
        share: share(rate.counted / Math.max(rate.total, 1)),
        allowed: share(rate.allowed),
        days: rate.days,
      })}
      {coming && rate.coming > 0 && (
        <div className="soft">{t(coming, { n: rate.coming, share: share(all) })}</div>
      )}
      {rate.held_back > 0 && (
        <div className="warn">{t("connection.held_back", { n: rate.held_back })}</div>
      )}
    </>
  );
}

function Facts({ status }: { status: Doing }) {
  const { waiting } = status;
  return (
    <dl className="facts">
      <Fact name="connection.lag">
        {status.p99_ms === null
          ? t("connection.no_lag")
          : t("connection.lags", {
              p50: lasting((status.p50_ms ?? 0) / 1e3),
              p99: lasting(status.p99_ms / 1e3),
            })}
      </Fact>
      <Fact name="connection.waiting_long">
        {counts([
          [t("connection.sold_out"), waiting.sold_out],
          [t("connection.falling"), waiting.falling],
          [t("connection.rising"), waiting.rising],
        ])}
      </Fact>
      <Fact name="connection.inbox_long">
        {status.inbox
          ? t("connection.oldest", { n: status.inbox, age: lasting(status.inbox_s) })
          : "–"}
      </Fact>
      <Fact name="connection.outbox">{status.outbox ? whole(status.outbox) : "–"}</Fact>
      <Fact name="connection.calls">
        {counts([
          [t("connection.answered"), status.calls - status.refused - status.failed],
          [t("connection.refused"), status.refused],
          [t("connection.failed"), status.failed],
        ])}
      </Fact>
      <Fact name="connection.swept_long">
        {status.swept_until ? <Ago at={status.swept_until} /> : t("connection.never")}
      </Fact>
      {status.cancellations && (
        <Fact name="connection.cancels">
          <Held
            rate={status.cancellations}
            name="connection.cancels_of"
            coming="connection.cancels_waiting"
          />
        </Fact>
      )}
      {status.late_shipments && (
        <Fact name="connection.late">
          <Held
            rate={status.late_shipments}
            name="connection.late_of"
            coming="connection.late_due"
          />
        </Fact>
      )}
      {status.untracked_parcels && (
        <Fact name="connection.untracked">
          <Held rate={status.untracked_parcels} name="connection.untracked_of" />
        </Fact>
      )}
      {status.job_failures > 0 && (
        <Fact name="connection.job_failures">{whole(status.job_failures)}</Fact>
      )}
    </dl>
  );
}

/** What a listing shows, and what it ought to. */
function Shows({ row }: { row: Listing }) {
  if (!row.published) return <span className="soft">{t("connection.not_published")}</span>;
  const shown = row.shown === null ? "?" : whole(row.shown);
  if (row.stale_since === null) return <>{shown}</>;
  return (
    <>
      <span className="warn">{shown}</span> → <b>{row.wanted === null ? "?" : whole(row.wanted)}</b>
    </>
  );
}

function Rows({ rows, brief }: { rows: Listing[]; brief?: boolean }) {
  return (
    <table className="numbers">
      <thead>
        <tr>
          <th>{t("connection.listing")}</th>
          <th>{t("line.sku")}</th>
          <th className="right">{t("connection.shows")}</th>
          <th>{t("connection.since")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.listing}>
            <td>{row.listing}</td>
            <td>
              <a href={href("stock", { open: row.sku })}>{row.sku}</a>
            </td>
            <td className="right">
              <Shows row={row} />
            </td>
            <td className="cause">
              {row.stale_since && <Ago at={row.stale_since} />}
              {row.problem && !brief && (
                <div className="wrong">{t("connection.tried", { n: row.failures })}</div>
              )}
              {row.problem && !brief && <div className="soft">{row.problem}</div>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

async function read(account: string, asked: object, signal: AbortSignal) {
  const where = path("connections", account, "listings") + query({ limit: ROWS, ...asked });
  return get<{ listings: Listing[]; next_cursor: string | null }>(where, signal);
}

function Listings({ account }: { account: string }) {
  const [cursors, setCursors] = useState<string[]>([""]);
  const cursor = cursors[cursors.length - 1]!;
  const stale = useLoad(
    `stale ${account}`,
    (signal) => read(account, { only: "stale" }, signal),
    EVERY_MS,
    true,
  );
  const found = useLoad(
    `listings ${account} ${cursor}`,
    (signal) => read(account, { cursor }, signal),
    EVERY_MS,
    true,
  );
  if (found.error) return <Trouble error={found.error} again={found.again} />;
  if (!found.value) return <Skeleton />;
  if (!cursor && !found.value.listings.length)
    return <p className="soft">{t("connection.no_listings", { account })}</p>;
  const late = stale.value?.listings ?? [];
  return (
    <>
      {late.length > 0 && (
        <>
          <h3>{t("connection.stale_ones", { n: late.length })}</h3>
          <Rows rows={late} />
          <h3>{t("connection.all_listings")}</h3>
        </>
      )}
      <Rows rows={found.value.listings} brief />
      {(cursors.length > 1 || found.value.next_cursor) && (
        <div className="row">
          <button
            type="button"
            disabled={cursors.length < 2}
            onClick={() => setCursors(cursors.slice(0, -1))}
          >
            {t("connection.before")}
          </button>
          <button
            type="button"
            disabled={!found.value.next_cursor}
            onClick={() => setCursors([...cursors, found.value!.next_cursor!])}
          >
            {t("connection.after")}
          </button>
        </div>
      )}
    </>
  );
}

function Dead({ letter, onReplay }: { letter: Letter; onReplay: () => void }) {
  return (
    <li>
      <div>
        <b>{letter.id}</b>{" "}
        <span className="soft">
          {letter.topic}, {word("by", letter.by)}, <Ago at={letter.at} />
        </span>
        <p className="wrong">{letter.problem}</p>
        <details>
          <summary>{t("connection.document")}</summary>
          <pre tabIndex={0} aria-label={t("connection.document")}>
            {letter.whole ? readable(letter.document) : `${letter.document}…`}
          </pre>
        </details>
      </div>
      <Closable label={t("connection.replay_of", { id: letter.id })} onClick={onReplay}>
        {t("connection.replay")}
      </Closable>
    </li>
  );
}

function Letters({ it, onChanged }: { it: Connection; onChanged: () => void }) {
  const where = path("connections", it.account, "dead-letters");
  const found = useLoad(
    `letters ${it.account}`,
    (signal) => get<{ letters: Letter[] }>(where + query({ limit: ROWS }), signal),
    EVERY_MS,
    true,
  );
  const replay = (which: string) =>
    void attempt(async () => {
      const done = await call<{ letters: number }>("POST", `${where}${which}/replay`);
      said(t("connection.replayed", { n: done.letters }));
      found.again();
      onChanged();
    });
  if (found.error) return <Trouble error={found.error} again={found.again} />;
  if (!found.value) return <Skeleton />;
  const letters = found.value.letters;
  if (!letters.length) return <p className="soft">{t("connection.no_letters")}</p>;
  const count = Math.max(it.status?.dead ?? 0, letters.length);
  return (
    <>
      <p className="soft">{t("connection.letters_how")}</p>
      <div className="row">
        <Closable className="primary" onClick={() => replay("")}>
          {t("connection.replay_all", { n: count })}
        </Closable>
      </div>
      <ul className="letters">
        {letters.map((letter) => (
          <Dead
            key={letter.letter}
            letter={letter}
            onReplay={() => replay(`/${encodeURIComponent(letter.letter)}`)}
          />
        ))}
      </ul>
      {count > letters.length && (
        <p className="soft">{t("connection.oldest_shown", { n: letters.length })}</p>
      )}
    </>
  );
}

export function ConnectionPanel({ it, onChanged }: { it: Connection; onChanged: () => void }) {
  const { params } = useRoute();
  const { status } = it;
  const asked = params.get("show");
  const show = asked || (it.health === "letters" ? "letters" : "listings");
  const close = () => patch({ open: "", show: "" });
  return (
    <Panel
      title={it.account}
      note={
        <>
          {it.connector} · <a href={href("channels", { open: it.channel })}>{it.channel}</a> ·{" "}
          {it.url}
        </>
      }
      onClose={close}
    >
      <div className="why">
        <HealthOf health={it.health} />
        <p>{t(`connection.how_${it.health}` as Key)}</p>
        {status?.open_until && (
          <p className="soft">
            {t("connection.alone")} <Ago at={status.open_until} />
          </p>
        )}
      </div>
      {status && <Facts status={status} />}
      <div className="views" role="group" aria-label={t("panel")}>
        <button
          type="button"
          aria-pressed={show === "listings"}
          onClick={() => patch({ show: "listings" })}
        >
          {t("connection.listings")} <b>{status && whole(status.listings)}</b>
        </button>
        <button
          type="button"
          aria-pressed={show === "letters"}
          onClick={() => patch({ show: "letters" })}
        >
          {t("connection.letters")} <b>{status && whole(status.dead)}</b>
        </button>
        {status && waitingOf(status) > 0 && (
          <span className="warn">
            <Icon name="wait" /> {t("connection.stale_n", { n: waitingOf(status) })}
          </span>
        )}
      </div>
      {show === "letters" ? (
        <Letters it={it} onChanged={onChanged} />
      ) : (
        <Listings account={it.account} />
      )}
    </Panel>
  );
}
