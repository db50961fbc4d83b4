// The doors: signing in, the first admin, a password of one's own; and a key for this tab only.

import { type FormEvent, type ReactNode, useState } from "react";
import { Refusal, setKey } from "../lib/api";
import { t } from "../lib/i18n";
import { changePassword, look, makeFirstAdmin, signIn, signOut } from "../lib/session";
import { Icon } from "./icon";
import { words } from "./toast";

let firstCode = "";
/** The password that was just typed, so that who has to replace it need not type it again. */
let typed = "";

/** Keep the one-time code that the address bore. */
export function setFirstCode(code: string): void {
  firstCode = code;
}

const refusedKey = (): Refusal => new Refusal(401, { detail: t("door.key_refused") });

/** One card in the middle of the page, with one thing to do. */
function Card(props: {
  title: string;
  action: string;
  why?: string;
  onDo: (field: (name: string) => string) => Promise<unknown>;
  children: ReactNode;
  below?: ReactNode;
}) {
  const [error, setError] = useState(props.why ?? "");
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    try {
      await props.onDo((name) => String(form.get(name) ?? ""));
    } catch (refusal) {
      setError(words(refusal));
    }
    setBusy(false);
  };
  return (
    <main className="door">
      <form onSubmit={(event) => void submit(event)}>
        <h1>dibs</h1>
        <h2>{props.title}</h2>
        {props.children}
        {error && (
          <p className="wrong" role="alert">
            <Icon name="alert" /> {error}
          </p>
        )}
        <button className="primary" disabled={busy} aria-busy={busy}>
          {props.action}
        </button>
        {props.below}
      </form>
    </main>
  );
}

/** A field of a door. A password can be looked at while it is typed. */
export function Secret(props: {
  label: string;
  name: string;
  complete: string;
  hint?: string;
  start?: string;
  focus?: boolean;
}) {
  const [seen, setSeen] = useState(false);
  return (
    <label className="field">
      <span>{props.label}</span>
      <span className="secret">
        <input
          name={props.name}
          type={seen ? "text" : "password"}
          required
          autoFocus={props.focus}
          autoComplete={props.complete}
          autoCapitalize="none"
          spellCheck={false}
          maxLength={128}
          defaultValue={props.start}
        />
        <button type="button" aria-pressed={seen} onClick={() => setSeen(!seen)}>
          {t(seen ? "door.hide" : "door.show")}
        </button>
      </span>
      {props.hint && <small>{props.hint}</small>}
    </label>
  );
}

function Name({ hint, focus }: { hint?: string; focus: boolean }) {
  return (
    <label className="field">
      <span>{t("door.user")}</span>
      <input
        name="user"
        required
        autoFocus={focus}
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        maxLength={64}
      />
      {hint && <small>{hint}</small>}
    </label>
  );
}

/** Cookies of sessions need HTTPS, but on the machine itself. */
function Plain() {
  return window.isSecureContext ? null : (
    <p className="lack">
      <Icon name="lock" /> {t("door.plain")}
    </p>
  );
}

export function Door(props: { why: string; onIn: () => void; startByKey?: boolean }) {
  const { why, onIn } = props;
  const [byKey, setByKey] = useState(!!props.startByKey);
  const swap = (
    <button type="button" className="link" onClick={() => setByKey(!byKey)}>
      {t(byKey ? "door.by_name" : "door.by_key")}
    </button>
  );
  if (byKey)
    return (
      <Card
        key="key"
        title={t("door.with_key")}
        action={t("door.open")}
        below={
          <>
            <p className="soft">{t("door.where")}</p>
            {swap}
          </>
        }
        onDo={async (field) => {
          setKey(field("key").trim());
          const found = await look();
          if (found.kind === "nobody") throw refusedKey();
          onIn();
        }}
      >
        <label className="field">
          <span>{t("door.key")}</span>
          <input
            name="key"
            type="password"
            required
            autoFocus
            autoComplete="off"
            spellCheck={false}
            placeholder="dibs_…"
          />
        </label>
      </Card>
    );
  return (
    <Card
      key="name"
      title={t("door.sign_in")}
      action={t("door.sign_in")}
      why={why}
      below={swap}
      onDo={async (field) => {
        typed = field("password");
        await signIn(field("user"), typed);
        onIn();
      }}
    >
      <Plain />
      <Name focus />
      <Secret label={t("door.password")} name="password" complete="current-password" />
    </Card>
  );
}

/** The first visit: whoever has the code that `dibs up` printed becomes the first admin. */
export function FirstAdmin() {
  const code = firstCode;
  const [byKey, setByKey] = useState(false);
  if (byKey) return <Door why="" onIn={() => {}} startByKey />;
  return (
    <Card
      title={t("first.title")}
      action={t("first.make")}
      onDo={(field) => makeFirstAdmin(field("code"), field("user"), field("password"))}
      below={
        <button type="button" className="link" onClick={() => setByKey(true)}>
          {t("door.by_key")}
        </button>
      }
    >
      <p className="soft">{t("first.how")}</p>
      <label className="field">
        <span>{t("first.code")}</span>
        <input
          name="code"
          required
          autoFocus={!code}
          autoComplete="off"
          spellCheck={false}
          defaultValue={code}
        />
        <small>{t("first.where")}</small>
      </label>
      <Name focus={!!code} hint={t("door.user_how")} />
      <Secret
        label={t("door.password")}
        name="password"
        complete="new-password"
        hint={t("door.password_how")}
      />
    </Card>
  );
}

/** Somebody else knows the password until now: nothing is open before it is replaced. */
export function OwnPassword() {
  return (
    <Card
      title={t("own.title")}
      action={t("own.set")}
      onDo={(field) => changePassword(field("password"), field("fresh"))}
      below={
        <button type="button" className="link" onClick={() => void signOut()}>
          {t("me.sign_out")}
        </button>
      }
    >
      <p className="soft">{t("own.how")}</p>
      <Secret
        label={t("own.given")}
        name="password"
        complete="current-password"
        start={typed}
        focus={!typed}
      />
      <Secret
        label={t("own.fresh")}
        name="fresh"
        complete="new-password"
        hint={t("door.password_how")}
        focus={!!typed}
      />
    </Card>
  );
}
