// Channels: what each may show, by which rules, and why not more.

import type { ColDef } from "ag-grid-community";
import { useMemo, useState } from "react";
import { all, get, named, query } from "../lib/api";
import { whole } from "../lib/format";
import { t, useLanguage } from "../lib/i18n";
import { useKeys } from "../lib/keys";
import { useLoad } from "../lib/load";
import { patch, useRoute } from "../lib/route";
import type { Buffer, Channel, Sellable } from "../lib/types";
import { Closable, Empty, Panel, Trouble } from "../ui/bits";
import { Grid } from "../ui/grid";
import { Icon } from "../ui/icon";
import { ChannelForm, FRESH } from "./channel";
import { reasonOf } from "./sku";

const NARROW = window.matchMedia("(max-width: 720px)");
const EVERY_MS = 2_000;

/** A buffer as a sentence. */
export function bufferOf(buffer: Buffer): string {
  const what = [
    buffer.units ? t("buffer.units", { n: buffer.units }) : "",
    buffer.percent ? t("buffer.percent", { n: buffer.percent }) : "",
  ].filter(Boolean);
  const when = [
    buffer.below_baseline ? t("buffer.below_baseline") : "",
    buffer.below ? t("buffer.below", { n: buffer.below }) : "",
    buffer.season ? t("buffer.season", { ...buffer.season }) : "",
    buffer.skus?.length ? t("buffer.skus", { list: buffer.skus.join(", ") }) : "",
    buffer.locations?.length ? t("buffer.locations", { list: buffer.locations.join(", ") }) : "",
  ].filter(Boolean);
  return [what.join(" + "), ...when].join(", ");
}

function columnsOf(): ColDef<Channel>[] {
  const wide: ColDef<Channel>[] = [
    {
      headerName: t("channel.locations"),
      minWidth: 140,
      flex: 1,
      valueGetter: ({ data }) => data?.locations?.join(", ") ?? t("channel.everywhere"),
    },
    {
      headerName: t("channel.protect"),
      field: "protect",
      type: "rightAligned",
      width: 100,
      valueFormatter: ({ value }) => (value ? whole(value) : ""),
    },
    {
      headerName: t("channel.cap"),
      field: "cap",
      type: "rightAligned",
      width: 90,
      valueFormatter: ({ value }) => (value == null ? "" : whole(value)),
    },
    {
      headerName: t("channel.buffers"),
      minWidth: 200,
      flex: 2,
      valueGetter: ({ data }) => data?.buffers?.map(bufferOf).join("; ") ?? "",
    },
  ];
  return [
    { headerName: t("order.channel"), field: "channel", width: 130 },
    { headerName: t("location.name"), field: "name", width: 150 },
    {
      headerName: t("location.priority"),
      field: "priority",
      type: "rightAligned",
      width: 100,
      valueFormatter: ({ value }) => whole(value),
    },
    ...(NARROW.matches ? [] : wide),
  ];
}

function Sees({ channel }: { channel: string }) {
  const [sku, setSku] = useState("");
  const asked = sku.trim();
  const found = useLoad<Sellable | null>(
    `${channel} ${asked}`,
    async (signal) => {
      if (!asked) return null;
      const which = `${query({ channel })}&${named([asked])}`;
      return (await get<{ skus: Sellable[] }>("v1/availability" + which, signal)).skus[0]!;
    },
    EVERY_MS,
  );
  const seen = found.value;
  return (
    <>
      <h3>{t("channel.sees")}</h3>
      <input
        aria-label={t("line.sku")}
        placeholder={t("line.sku")}
        value={sku}
        onChange={(event) => setSku(event.target.value)}
      />
      {asked && found.error && <p className="soft">{found.error.message}</p>}
      {seen && (
        <div className="why">
          <p>
            <b>{t("channel.shown", { n: seen.sellable })}</b>{" "}
            {t("channel.of", { n: seen.available })}
          </p>
          {(seen.withheld ?? []).map((held, i) => (
            <p key={i}>− {reasonOf(held)}</p>
          ))}
        </div>
      )}
    </>
  );
}

export function Channels() {
  const { params } = useRoute();
  const language = useLanguage();
  const found = useLoad("channels", () => all<Channel>("channels", "channels"));
  const columns = useMemo(columnsOf, [language]);
  const open = params.get("open") ?? "";
  const fresh = params.get("panel") === "new";
  const it = fresh ? FRESH : found.value?.find((each) => each.channel === open);
  const start = () => patch({ panel: "new", open: "" });
  const close = () => patch({ panel: "", open: "" });
  useKeys({ N: start });
  return (
    <div className="split">
      <div className="main">
        <div className="filters">
          <Closable className="primary" title="N" onClick={start}>
            <Icon name="plus" /> {t("channel.new")}
          </Closable>
        </div>
        {found.error && <Trouble error={found.error} again={found.again} />}
        <Grid<Channel>
          label={t("nav.channels")}
          rows={found.value}
          columns={columns}
          rowId={(row) => row.channel}
          open={open}
          onOpen={(row) => patch({ open: row.channel, panel: "" })}
          empty={
            <Empty title={t("channel.none")}>
              <p>{t("channel.none_how")}</p>
            </Empty>
          }
        />
        <p className="count soft">{found.value && t("channel.count", { n: found.value.length })}</p>
      </div>
      {it && (
        <Panel
          key={it.channel || "new"}
          title={fresh ? t("channel.new") : it.channel}
          note={it.name}
          onClose={close}
        >
          {!fresh && <Sees channel={it.channel} />}
          <ChannelForm it={it} onDone={found.again} onClose={close} />
        </Panel>
      )}
    </div>
  );
}
