// The rules of one channel.

import { useState } from "react";
import { call, path } from "../lib/api";
import { t } from "../lib/i18n";
import { patch } from "../lib/route";
import type { Buffer, Channel } from "../lib/types";
import { Doing, Field } from "../ui/bits";
import { Icon } from "../ui/icon";
import { said } from "../ui/toast";
import { bufferOf } from "./channels";

export const FRESH: Channel = { channel: "", name: "", priority: 100 };
const EMPTY: Buffer = {};

function put(it: Channel): Promise<Channel> {
  const { channel, seq: _, replayed: __, ...body } = it as Channel & Record<string, unknown>;
  return call<Channel>("PUT", path("channels", channel), body);
}

const namesOf = (text: string): string[] | undefined => {
  const found = text
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);
  return found.length ? found : undefined;
};
const unitsOf = (text: string): number | undefined => (text === "" ? undefined : Number(text));
const dayOf = (text: string): string => text.trim();

function NewBuffer({ onAdd }: { onAdd: (buffer: Buffer) => void }) {
  const [it, setIt] = useState(EMPTY);
  const [first, setFirst] = useState("");
  const [last, setLast] = useState("");
  const whole = (name: "units" | "percent" | "below", label: string) => (
    <Field label={label}>
      <input
        type="number"
        min={0}
        max={name === "percent" ? 100 : undefined}
        value={it[name] ?? ""}
        onChange={(event) => setIt({ ...it, [name]: unitsOf(event.target.value) })}
      />
    </Field>
  );
  const add = () => {
    const season = first && last ? { season: { first: dayOf(first), last: dayOf(last) } } : {};
    onAdd({ ...it, ...season });
    setIt(EMPTY);
    setFirst("");
    setLast("");
  };
  return (
    <fieldset>
      <legend>{t("buffer.new")}</legend>
      <div className="pair">
        {whole("units", t("buffer.of_units"))}
        {whole("percent", t("buffer.of_percent"))}
        {whole("below", t("buffer.if_below"))}
        <Field label={t("buffer.for_skus")}>
          <input
            value={it.skus?.join(", ") ?? ""}
            onChange={(event) => setIt({ ...it, skus: namesOf(event.target.value) })}
          />
        </Field>
        <Field label={t("buffer.first")}>
          <input
            placeholder="10-01"
            value={first}
            onChange={(event) => setFirst(event.target.value)}
          />
        </Field>
        <Field label={t("buffer.last")}>
          <input
            placeholder="12-31"
            value={last}
            onChange={(event) => setLast(event.target.value)}
          />
        </Field>
      </div>
      <label className="check">
        <input
          type="checkbox"
          checked={!!it.below_baseline}
          onChange={(event) => setIt({ ...it, below_baseline: event.target.checked || undefined })}
        />
        {t("buffer.below_baseline")}
      </label>
      <button type="button" disabled={!it.units && !it.percent} onClick={add}>
        <Icon name="plus" /> {t("buffer.add")}
      </button>
    </fieldset>
  );
}

export function ChannelForm(props: { it: Channel; onDone: () => void; onClose: () => void }) {
  const fresh = props.it.channel === "";
  const [it, setIt] = useState(props.it);
  const [places, setPlaces] = useState(props.it.locations?.join(", ") ?? "");
  const set = (change: Partial<Channel>) => setIt({ ...it, ...change });
  const save = async () => {
    await put({ ...it, locations: namesOf(places) });
    props.onDone();
    const back = async () => {
      await put(props.it);
      props.onDone();
    };
    said(t("channel.saved", { id: it.channel }), fresh ? undefined : back);
    patch({ panel: "", open: it.channel });
  };
  return (
    <Doing
      title={t("channel.rules")}
      action={t("act.save")}
      calm={!fresh}
      ready={it.channel.trim() !== ""}
      onCancel={props.onClose}
      onDo={save}
    >
      {fresh && (
        <Field label={t("channel.id")}>
          <input
            required
            value={it.channel}
            onChange={(event) => set({ channel: event.target.value })}
          />
        </Field>
      )}
      <Field label={t("location.name")}>
        <input value={it.name} onChange={(event) => set({ name: event.target.value })} />
      </Field>
      <Field label={t("channel.locations")} hint={t("channel.locations_how")}>
        <input value={places} onChange={(event) => setPlaces(event.target.value)} />
      </Field>
      <div className="pair">
        <Field label={t("location.priority")} hint={t("channel.priority_how")}>
          <input
            type="number"
            min={0}
            value={it.priority}
            onChange={(event) => set({ priority: Number(event.target.value) })}
          />
        </Field>
        <Field label={t("channel.protect")} hint={t("channel.protect_how")}>
          <input
            type="number"
            min={0}
            value={it.protect ?? ""}
            onChange={(event) => set({ protect: unitsOf(event.target.value) })}
          />
        </Field>
        <Field label={t("channel.cap")} hint={t("channel.cap_how")}>
          <input
            type="number"
            min={0}
            value={it.cap ?? ""}
            onChange={(event) => set({ cap: unitsOf(event.target.value) })}
          />
        </Field>
      </div>
      <ul className="holds">
        {(it.buffers ?? []).map((buffer, i) => (
          <li key={i}>
            <div>
              {i + 1}. {bufferOf(buffer)}
            </div>
            <button
              type="button"
              className="icon"
              aria-label={t("buffer.remove", { n: i + 1 })}
              onClick={() => set({ buffers: it.buffers?.filter((_, j) => j !== i) })}
            >
              <Icon name="close" />
            </button>
          </li>
        ))}
      </ul>
      <NewBuffer onAdd={(buffer) => set({ buffers: [...(it.buffers ?? []), buffer] })} />
    </Doing>
  );
}
