// Webhooks: services that are told what happens; made, tested, paused, and what became of telling.

import { useState } from "react";
import { get, path, query } from "../lib/api";
import { absolute, relative, whole } from "../lib/format";
import { type Key, t, word } from "../lib/i18n";
import { useLoad } from "../lib/load";
import { patch, useRoute } from "../lib/route";
import {
  type Delivery,
  put,
  remove,
  replay,
  rotate,
  taken,
  test,
  TYPES,
  type Webhook,
} from "../lib/webhooks";
import { Ago, Closable, Doing, Field } from "../ui/bits";
import { Icon } from "../ui/icon";
import { Listed, Once, Sure, usePages } from "../ui/listed";
import { attempt, said } from "../ui/toast";

const EVERY_MS = 2_000; // what was sent is not in the log, so nothing tells of it
const ROWS = 50;

function Fresh(props: { onDone: (made: Webhook) => void; onCancel: () => void }) {
  const [name, setName] = useState("");
  const [url, setUrl] = useState("");
  const [types, setTypes] = useState<string[]>(TYPES);
  const [channel, setChannel] = useState("");
  const turn = (type: string, on: boolean) =>
    setTypes(TYPES.filter((each) => (each === type ? on : types.includes(each))));
  return (
    <Doing
      title={t("webhook.new")}
      action={t("webhook.add")}
      ready={name.trim() !== "" && url.trim() !== "" && types.length > 0}
      onCancel={props.onCancel}
      onDo={async () => {
        const it = { webhook: name.trim(), url: url.trim(), types, channel: channel.trim() };
        props.onDone(await put(it));
      }}
    >
      <div className="pair">
        <Field label={t("webhook.name")} hint={t("webhook.name_how")}>
          <input
            value={name}
            maxLength={128}
            spellCheck={false}
            onChange={(event) => setName(event.target.value)}
          />
        </Field>
        <Field label={t("order.channel")} hint={t("webhook.channel_how")}>
          <input value={channel} onChange={(event) => setChannel(event.target.value)} />
        </Field>
      </div>
      <Field label={t("webhook.url")} hint={t("webhook.url_how")}>
        <input
          type="url"
          value={url}
          placeholder="https://…"
          onChange={(event) => setUrl(event.target.value)}
        />
      </Field>
      <fieldset>
        <legend>{t("webhook.types")}</legend>
        {TYPES.map((type) => (
          <label className="check" key={type}>
            <input
              type="checkbox"
              checked={types.includes(type)}
              onChange={(event) => turn(type, event.target.checked)}
            />
            {type}: {word("event", type.replace(".", "_"))}
          </label>
        ))}
      </fieldset>
    </Doing>
  );
}

function State({ it }: { it: Webhook }) {
  if (it.stopped)
    return (
      <span className="wrong">
        <Icon name="alert" /> {t("webhook.stopped", { why: it.stopped })}
      </span>
    );
  const told = it.active ? "webhook.active" : "webhook.paused";
  return (
    <span className={it.active ? "nowrap" : "nowrap warn"}>
      <Icon name={it.active ? "full" : "hold"} /> {t(told)}
    </span>
  );
}

function Row(props: {
  it: Webhook;
  open: boolean;
  onSecret: (it: Webhook) => void;
  again: () => void;
}) {
  const { it, again } = props;
  const sends = it.active && !it.stopped;
  const change = (active: boolean, text: Key) =>
    void attempt(async () => {
      await put(it, active);
      said(t(text, { name: it.webhook }), async () => {
        await put(it, !active);
        again();
      });
      again();
    });
  const named = (label: string): string => `${label}: ${it.webhook}`;
  return (
    <tr>
      <td>
        <b>{it.webhook}</b>
        <div className="soft address" title={it.url}>
          {it.url}
        </div>
      </td>
      <td>
        <State it={it} />
        {it.old_secret_until && (
          <div className="soft" title={absolute(it.old_secret_until)}>
            {t("webhook.old_secret", { when: relative(it.old_secret_until) })}
          </div>
        )}
      </td>
      <td title={it.types.join(", ")}>
        {it.types.length === TYPES.length ? t("webhook.all_types") : it.types.join(", ")}
        {it.channel && <div className="soft">{it.channel}</div>}
      </td>
      <td>{whole(it.waiting)}</td>
      <td className="acts">
        <button
          type="button"
          aria-pressed={props.open}
          aria-label={named(t("webhook.log"))}
          onClick={() => patch({ open: props.open ? "" : it.webhook })}
        >
          {t("webhook.log")}
        </button>
        {sends && (
          <Closable
            label={named(t("webhook.test"))}
            onClick={() =>
              void attempt(async () => {
                await test(it.webhook);
                said(t("webhook.tested", { name: it.webhook }));
                patch({ open: it.webhook });
              })
            }
          >
            {t("webhook.test")}
          </Closable>
        )}
        <Closable
          label={named(t(sends ? "webhook.pause" : "webhook.resume"))}
          onClick={() => change(!sends, sends ? "webhook.is_paused" : "webhook.is_resumed")}
        >
          {t(sends ? "webhook.pause" : "webhook.resume")}
        </Closable>
        <Sure
          label={t("webhook.rotate")}
          of={it.webhook}
          sure={t("webhook.rotate_sure", { name: it.webhook })}
          onDo={() =>
            void attempt(async () => {
              props.onSecret(await rotate(it.webhook));
              again();
            })
          }
        />
        <Sure
          label={t("user.remove")}
          of={it.webhook}
          sure={t("user.remove_sure", { user: it.webhook })}
          onDo={() =>
            void attempt(async () => {
              await remove(it.webhook);
              said(t("user.removed", { user: it.webhook }));
              again();
            })
          }
        />
      </td>
    </tr>
  );
}

/** What came back of a try, and how long that took. */
function Answer({ it }: { it: Delivery }) {
  return (
    <>
      <span className={taken(it) ? "" : "wrong"}>
        <Icon name={taken(it) ? "full" : "alert"} />{" "}
        {it.status ? t("webhook.answered", { status: it.status }) : it.problem}
      </span>
      <div className="soft">{whole(it.took_ms)} ms</div>
    </>
  );
}

function Deliveries({ name }: { name: string }) {
  const pages = usePages();
  const { cursor } = pages;
  const found = useLoad(
    `deliveries ${name} ${cursor}`,
    (signal) =>
      get<{ deliveries: Delivery[]; next_cursor: string | null }>(
        path("webhooks", name, "deliveries") + query({ limit: ROWS, cursor }),
        signal,
      ),
    cursor ? 0 : EVERY_MS,
    true,
  );
  // Only of the newest try of a message is there anything left to be done.
  const newest = new Map<string, Delivery>();
  for (const it of found.value?.deliveries ?? [])
    if (!newest.has(it.message)) newest.set(it.message, it);
  const again = (it: Delivery) =>
    void attempt(async () => {
      await replay(name, it.message);
      said(t("webhook.sent_again", { message: it.message }));
      found.again();
    });
  return (
    <section className="card" aria-label={t("webhook.log_of", { name })}>
      <h2>{t("webhook.log_of", { name })}</h2>
      <Listed
        found={found}
        rows={(value) => value.deliveries}
        heads={[
          t("audit.when"),
          t("webhook.event"),
          t("webhook.try"),
          t("webhook.answer"),
          t("webhook.next"),
        ]}
        acts={t("webhook.again")}
        none={t("webhook.no_tries")}
      >
        {(it) => (
          <tr key={`${it.message} ${it.at} ${it.attempt}`}>
            <td>
              <Ago at={it.at} />
            </td>
            <td>
              {it.type}
              <div className="soft">{it.message}</div>
            </td>
            <td>{whole(it.attempt)}</td>
            <td>
              <Answer it={it} />
            </td>
            <td>
              {it.next_at ? <Ago at={it.next_at} /> : taken(it) ? "–" : t("webhook.given_up")}
            </td>
            <td className="acts">
              {!taken(it) && newest.get(it.message) === it && (
                <Closable label={`${t("webhook.again")}: ${it.message}`} onClick={() => again(it)}>
                  {t("webhook.again")}
                </Closable>
              )}
            </td>
          </tr>
        )}
      </Listed>
      {pages.turn(found.value?.next_cursor)}
    </section>
  );
}

export function Webhooks() {
  const { params } = useRoute();
  const found = useLoad(
    "webhooks",
    (signal) => get<{ webhooks: Webhook[] }>("v1/webhooks", signal),
    EVERY_MS,
    true,
  );
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<Webhook | null>(null);
  const open = found.value?.webhooks.find((it) => it.webhook === params.get("open"));
  return (
    <>
      <section className="card">
        <h2>{t("webhook.title")}</h2>
        <p className="soft">{t("webhook.how")}</p>
        {made?.secret && (
          <Once
            title={t("webhook.once", { name: made.webhook })}
            text={made.secret}
            how={t("webhook.once_how")}
            onDone={() => setMade(null)}
          />
        )}
        {adding ? (
          <Fresh
            onCancel={() => setAdding(false)}
            onDone={(it) => {
              setAdding(false);
              setMade(it);
              patch({ open: it.webhook });
              found.again();
            }}
          />
        ) : (
          <Closable className="primary" onClick={() => setAdding(true)}>
            {t("webhook.new")}
          </Closable>
        )}
        <Listed
          found={found}
          rows={(value) => value.webhooks}
          heads={[t("webhook.name"), t("webhook.state"), t("webhook.types"), t("webhook.waiting")]}
          acts={t("user.remove")}
          none={t("webhook.none")}
        >
          {(it) => (
            <Row
              key={it.webhook}
              it={it}
              open={open === it}
              onSecret={setMade}
              again={found.again}
            />
          )}
        </Listed>
      </section>
      {open && <Deliveries key={open.webhook} name={open.webhook} />}
    </>
  );
}
