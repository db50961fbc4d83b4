// One SKU: what is where, what each channel is shown and why, what comes; and the papers.

import { useState } from "react";
import { all, get, named, path, query } from "../lib/api";
import { relative, whole } from "../lib/format";
import { type Key, t } from "../lib/i18n";
import { useKeys } from "../lib/keys";
import { useShown } from "../lib/live";
import { useLoad } from "../lib/load";
import { href } from "../lib/route";
import type { Channel, Fence, Location, Sellable, Sku, Stock, Withheld } from "../lib/types";
import { Act, Panel, Skeleton, Trouble } from "../ui/bits";
import { said } from "../ui/toast";
import { Moves, type Number } from "./moves";
import { PaperForm, type PaperKind } from "./paper";

const EVERY_MS = 3_000; // what channels are shown
const CHANNELS_MOST = 20;
const BUCKETS = ["available", "on_hand", "reserved", "allocated", "unavailable"] as const;

function Where({ stock, onNumber }: { stock: Stock; onNumber: (of: Number) => void }) {
  return (
    <div className="scroll">
      <table className="numbers">
        <thead>
          <tr>
            <th>{t("sku.location")}</th>
            {BUCKETS.map((name) => (
              <th key={name} className="right">
                {t(`unit.${name}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {stock.locations.map((position) => (
            <tr key={position.location}>
              <td>{position.location}</td>
              {BUCKETS.map((name) => (
                <td key={name} className="right">
                  <button
                    type="button"
                    className="link"
                    title={t("moves.title")}
                    onClick={() => onNumber({ location: position.location, bucket: name })}
                  >
                    {whole(position[name])}
                  </button>
                </td>
              ))}
            </tr>
          ))}
          <tr className="total">
            <td>{t("sku.total")}</td>
            {BUCKETS.map((name) => (
              <td key={name} className="right">
                {whole(stock[name])}
              </td>
            ))}
          </tr>
        </tbody>
      </table>
    </div>
  );
}

export function reasonOf(held: Withheld): string {
  const values = { n: held.units, place: held.location ?? "", number: (held.buffer ?? 0) + 1 };
  return t(`withheld.${held.cause}` as Key, values);
}

interface Shown {
  channel: Channel;
  seen: Sellable;
}

async function shownOf(sku: string): Promise<Shown[]> {
  const channels = (await all<Channel>("channels", "channels")).slice(0, CHANNELS_MOST);
  return Promise.all(
    channels.map(async (channel) => {
      const which = `${query({ channel: channel.channel })}&${named([sku])}`;
      const answer = await get<{ skus: Sellable[] }>("v1/availability" + which);
      return { channel, seen: answer.skus[0]! };
    }),
  );
}

function Channels({ sku }: { sku: string }) {
  const found = useLoad(`shown ${sku}`, () => shownOf(sku), EVERY_MS);
  if (!found.value) return found.error ? null : <Skeleton lines={2} />;
  if (found.value.length === 0) return <p className="soft">{t("sku.no_channels")}</p>;
  const incoming = found.value[0]!.seen.incoming ?? [];
  return (
    <>
      <table>
        <tbody>
          {found.value.map(({ channel, seen }) => (
            <tr key={channel.channel}>
              <td className="name">
                <a href={href("channels", { open: channel.channel })}>{channel.channel}</a>
              </td>
              <td className="right">
                <b>{whole(seen.sellable)}</b>
              </td>
              <td className="soft">
                {(seen.withheld ?? []).map((held, i) => (
                  <div key={i}>{reasonOf(held)}</div>
                ))}
                {!!seen.own_fence && <div>{t("fence.own", { n: seen.own_fence })}</div>}
                {seen.backorderable && <div>{t("sku.backorderable")}</div>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {incoming.map((coming) => (
        <p key={coming.purchase_order + coming.location}>
          {t("sku.incoming", {
            n: coming.units,
            place: coming.location,
            when: relative(coming.expected_at),
          })}{" "}
          <a href={href("purchases", { open: coming.purchase_order })}>{coming.purchase_order}</a>
        </p>
      ))}
    </>
  );
}

function timesOf(fence: Fence): string {
  const words = [];
  if (fence.status === "pending" && fence.starts_at)
    words.push(t("fence.starts", { when: relative(fence.starts_at) }));
  if (fence.ends_at) words.push(t("fence.ends", { when: relative(fence.ends_at) }));
  if (fence.fall_back === false) words.push(t("fence.only"));
  return words.join(", ");
}

function Fences({ sku }: { sku: string }) {
  const found = useLoad<{ fences: Fence[] }>(
    `fences ${sku}`,
    (signal) => get("v1/fences" + query({ sku }), signal),
    3 * EVERY_MS,
  );
  const rows = found.value?.fences.filter((fence) => fence.status !== "ended") ?? [];
  if (rows.length === 0) return null;
  return (
    <>
      <h3>{t("fence.title")}</h3>
      <table className="numbers">
        <thead>
          <tr>
            <th>{t("order.channel")}</th>
            <th>{t("sku.location")}</th>
            {(["quantity", "used", "left", "covered"] as const).map((name) => (
              <th key={name} className="right">
                {t(`fence.${name}`)}
              </th>
            ))}
            <th />
          </tr>
        </thead>
        <tbody>
          {rows.map((fence) => (
            <tr key={`${fence.channel} ${fence.location ?? ""}`}>
              <td className="name">
                <a href={href("channels", { open: fence.channel })}>{fence.channel}</a>
              </td>
              <td>{fence.location ?? t("fence.anywhere")}</td>
              <td className="right">{whole(fence.quantity)}</td>
              <td className="right">{whole(fence.used)}</td>
              <td className="right">{whole(fence.left)}</td>
              <td className="right">{whole(fence.covered ?? 0)}</td>
              <td className="soft">{timesOf(fence)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

export function SkuPanel(props: {
  sku: string;
  locations: Location[];
  onChanged: () => void;
  onClose: () => void;
}) {
  const { sku } = props;
  const kept = useLoad<Sku>(`sku ${sku}`, (signal) => get(path("skus", sku), signal));
  const stock = useLoad<Stock>(`stock ${sku}`, (signal) => get(path("stock", sku), signal));
  useShown(
    { skus: [sku] },
    { stock: (told) => told.filter((one) => one.sku === sku).forEach(stock.set) },
  );
  const [form, setForm] = useState<{ sku: string; kind: PaperKind | "" }>({ sku: "", kind: "" });
  const [moves, setMoves] = useState<{ sku: string; number: Number | null }>({
    sku: "",
    number: null,
  });
  const kind = form.sku === sku ? form.kind : "";
  const show = (next: PaperKind | "") => setForm({ sku, kind: next });
  const bundle = !!kept.value?.components?.length;
  const ready = !!kept.value && !bundle;
  const act = (next: PaperKind) => () => ready && show(next);
  useKeys({ r: act("receive"), a: act("adjust"), c: act("count"), t: act("transfer") });
  const done = (text: string, undo: () => Promise<unknown>) => {
    show("");
    stock.again();
    props.onChanged();
    said(text, async () => {
      await undo();
      stock.again();
      props.onChanged();
    });
  };
  return (
    <Panel title={sku} note={kept.value?.title} onClose={props.onClose}>
      {stock.error && <Trouble error={stock.error} again={stock.again} />}
      {!stock.value && !stock.error && <Skeleton />}
      {stock.value && (
        <>
          {bundle ? (
            <p className="why">
              {t("sku.bundle", { n: stock.value.available })}{" "}
              {kept.value!.components!.map((part) => (
                <span className="part" key={part.sku}>
                  {part.quantity} ×{" "}
                  <a href={href("stock", { q: part.sku, open: part.sku })}>{part.sku}</a>
                </span>
              ))}
            </p>
          ) : (
            <>
              <div className="row acts">
                <Act icon="plus" label={t("paper.receive")} hint="r" onClick={act("receive")} />
                <Act icon="settings" label={t("paper.adjust")} hint="a" onClick={act("adjust")} />
                <Act icon="check" label={t("paper.count")} hint="c" onClick={act("count")} />
                <Act icon="truck" label={t("paper.transfer")} hint="t" onClick={act("transfer")} />
              </div>
              {kind && (
                <PaperForm
                  key={kind}
                  kind={kind}
                  stock={stock.value}
                  locations={props.locations}
                  onDone={done}
                  onLeave={() => show("")}
                />
              )}
              <Where stock={stock.value} onNumber={(number) => setMoves({ sku, number })} />
              {moves.sku === sku && moves.number && (
                <Moves
                  key={`${moves.number.location} ${moves.number.bucket}`}
                  sku={sku}
                  number={moves.number}
                  onClose={() => setMoves({ sku, number: null })}
                />
              )}
            </>
          )}
          <h3>{t("sku.shown")}</h3>
          <Channels sku={sku} />
          {!bundle && <Fences sku={sku} />}
          <h3>{t("sku.about")}</h3>
          <dl className="facts">
            {[
              [t("sku.weight"), kept.value?.weight_g && `${whole(kept.value.weight_g)} g`],
              [t("sku.baseline"), kept.value?.baseline && whole(kept.value.baseline)],
              [
                t("sku.short"),
                kept.value && t(kept.value.backorderable ? "sku.waits" : "sku.refused"),
              ],
              [t("order.seq"), whole(stock.value.seq)],
            ]
              .filter(([, value]) => value)
              .map(([name, value]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
          </dl>
        </>
      )}
    </Panel>
  );
}
