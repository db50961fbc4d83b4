// Small parts that pages share.

import type { FormEvent, ReactNode } from "react";
import { useEffect, useRef, useState } from "react";
import type { Refusal } from "../lib/api";
import { absolute, relative } from "../lib/format";
import { t } from "../lib/i18n";
import { useKeys } from "../lib/keys";
import { useLack } from "../lib/session";
import { Icon, type IconName } from "./icon";
import { words } from "./toast";

/** Grey lines where something will stand. */
export function Skeleton({ lines = 5 }: { lines?: number }) {
  return (
    <div className="skeleton" role="status" aria-busy="true" aria-label={t("loading")}>
      {Array.from({ length: lines }, (_, i) => (
        <i key={i} />
      ))}
    </div>
  );
}

export function Trouble({ error, again }: { error: Refusal; again: () => void }) {
  return (
    <div className="trouble" role="alert">
      <Icon name="alert" />
      <p>{words(error)}</p>
      <button type="button" onClick={again}>
        {t("act.again")}
      </button>
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** A relative time, with the absolute one on hover. */
export function Ago({ at }: { at: string }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), 15_000);
    return () => window.clearInterval(timer);
  }, []);
  return (
    <time dateTime={at} title={absolute(at)}>
      {relative(at, now)}
    </time>
  );
}

export function Field(props: { label: string; hint?: string; children: ReactNode }) {
  return (
    <label className="field">
      <span>{props.label}</span>
      {props.children}
      {props.hint && <small>{props.hint}</small>}
    </label>
  );
}

export function Choice(props: {
  value: string;
  options: [string, string][];
  onChange: (value: string) => void;
  name?: string;
}) {
  return (
    <select
      value={props.value}
      name={props.name}
      aria-label={props.name}
      onChange={(event) => props.onChange(event.target.value)}
    >
      {props.options.map(([value, label]) => (
        <option key={value} value={value}>
          {label}
        </option>
      ))}
    </select>
  );
}

/** The side panel: beside the list on a desk, over it on a phone. */
export function Panel(props: {
  title: ReactNode;
  note?: ReactNode;
  onClose: () => void;
  children: ReactNode;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useKeys({ Escape: props.onClose });
  return (
    <aside className="panel" aria-label={t("panel")}>
      <header>
        <div>
          <h2 ref={heading}>{props.title}</h2>
          {props.note && <div className="soft">{props.note}</div>}
        </div>
        <button
          type="button"
          className="icon"
          aria-label={t("act.close")}
          title={`${t("act.close")} (Esc)`}
          onClick={props.onClose}
        >
          <Icon name="close" />
        </button>
      </header>
      <div className="body">{props.children}</div>
    </aside>
  );
}

/** A form within a panel: one thing to do, said and left by the same two buttons everywhere. */
export function Doing(props: {
  title: string;
  action: string;
  danger?: boolean;
  ready?: boolean;
  /** The scope that it needs, if that is another than the page's. */
  scope?: string;
  /** Shown with the panel, not asked for: it takes no focus from the list. */
  calm?: boolean;
  onCancel: () => void;
  onDo: () => Promise<unknown>;
  children?: ReactNode;
}) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const lack = useLack(props.scope);
  const form = useRef<HTMLFormElement>(null);
  useKeys({ Escape: props.onCancel });
  useEffect(() => {
    if (props.calm) return;
    const selector = "input:not([type=checkbox]), select, textarea, button";
    form.current?.querySelector<HTMLElement>(selector)?.focus();
    form.current?.scrollIntoView({ block: "nearest" });
  }, []);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (lack) return;
    setBusy(true);
    setError("");
    try {
      await props.onDo();
    } catch (refusal) {
      setError(words(refusal));
    }
    setBusy(false);
  };
  return (
    <form
      className="doing"
      ref={form}
      onSubmit={(event) => void submit(event)}
      aria-label={props.title}
    >
      <h3>{props.title}</h3>
      {props.children}
      {error && (
        <p className="wrong" role="alert">
          <Icon name="alert" /> {error}
        </p>
      )}
      {lack && (
        <p className="lack">
          <Icon name="lock" /> {lack}
        </p>
      )}
      <div className="row">
        <Closable
          scope={props.scope}
          className={props.danger ? "danger" : "primary"}
          disabled={busy || props.ready === false}
          busy={busy}
        >
          {props.action}
        </Closable>
        <button type="button" onClick={props.onCancel}>
          {t("act.leave")}
        </button>
      </div>
    </form>
  );
}

/**
 * A button for something that needs a scope, that of the page unless said. Without it, the button
 * is closed; it can still be reached, and says why when it is pointed at or has the focus.
 */
export function Closable(props: {
  scope?: string;
  className?: string;
  title?: string;
  label?: string;
  pressed?: boolean;
  disabled?: boolean;
  busy?: boolean;
  /** What it does; without it, it submits its form. */
  onClick?: () => void;
  children: ReactNode;
}) {
  const lack = useLack(props.scope);
  return (
    <button
      type={props.onClick ? "button" : "submit"}
      className={props.className}
      disabled={props.disabled && !lack}
      aria-disabled={!!lack || undefined}
      aria-pressed={props.pressed}
      aria-busy={props.busy}
      aria-description={lack || undefined}
      data-why={lack || undefined}
      title={lack || props.title}
      aria-label={props.label}
      onClick={(event) => {
        if (lack) event.preventDefault();
        else props.onClick?.();
      }}
    >
      {props.children}
    </button>
  );
}

export function Act(props: {
  icon: IconName;
  label: string;
  hint?: string;
  disabled?: boolean;
  scope?: string;
  onClick: () => void;
}) {
  return (
    <Closable
      scope={props.scope}
      disabled={props.disabled}
      onClick={props.onClick}
      title={props.hint}
    >
      <Icon name={props.icon} /> {props.label} {props.hint && <kbd>{props.hint}</kbd>}
    </Closable>
  );
}
