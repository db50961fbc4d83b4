// What has just happened, with its undo; and what was refused, with what to do about it.

import { useSyncExternalStore } from "react";
import { type Fault, Refusal } from "../lib/api";
import { t } from "../lib/i18n";
import { Icon } from "./icon";

interface Toast {
  id: number;
  text: string;
  bad: boolean;
  undo?: () => Promise<unknown>;
}

const STAYS_MS = 8_000;
const MOST = 3;
const FAULTS = 3; // of one refusal
let toasts: Toast[] = [];
let count = 0;
const heard = new Set<() => void>();

function set(next: Toast[]): void {
  toasts = next.slice(-MOST);
  for (const tell of heard) tell();
}

const drop = (id: number): void => set(toasts.filter((toast) => toast.id !== id));

function add(text: string, bad: boolean, undo?: () => Promise<unknown>): void {
  const id = ++count;
  set([...toasts, { id, text, bad, undo }]);
  window.setTimeout(() => drop(id), bad ? 2 * STAYS_MS : STAYS_MS);
}

export const said = (text: string, undo?: () => Promise<unknown>): void => add(text, false, undo);

/** A refusal in words: what is wrong, and what to do. */
export function words(error: unknown): string {
  if (!(error instanceof Refusal)) return String(error);
  if (error.status === 0) return t("error.no_answer");
  if (error.status === 403) return t("error.forbidden", { detail: error.message });
  if (error.code === "stale_order") return t("error.stale");
  // Of a single fault the message has all there is to say, unless there are numbers.
  const more = error.faults.filter(
    (fault) => fault.requested !== undefined || !error.message.includes(fault.detail),
  );
  return [error.message, ...more.slice(0, FAULTS).map(faultOf)].join(" ");
}

/** Of what, what is wrong, and how far it is from being right. */
function faultOf({ sku, path, detail, requested, available }: Fault): string {
  if (requested === undefined || available === undefined) return `(${sku ?? path}: ${detail})`;
  return t("error.short", { sku: sku ?? path, n: requested, available });
}

/** A toast that says how far something is, until it ends. */
export function progress(words: (done: number, all: number) => string): {
  tell: (done: number, all: number) => void;
  end: () => void;
} {
  const id = ++count;
  return {
    tell: (done, all) => {
      const others = toasts.filter((toast) => toast.id !== id);
      set([...others, { id, text: words(done, all), bad: false }]);
    },
    end: () => drop(id),
  };
}

export const refused = (error: unknown): void => add(words(error), true);

/** Run something and tell a refusal; returns whether it went well. */
export async function attempt(doing: () => Promise<unknown>): Promise<boolean> {
  try {
    await doing();
    return true;
  } catch (error) {
    refused(error);
    return false;
  }
}

/** Undo the last thing that can be undone. */
export function undoLast(): void {
  const found = toasts.findLast((toast) => toast.undo);
  if (found) void undo(found);
}

async function undo(toast: Toast): Promise<void> {
  drop(toast.id);
  if (await attempt(toast.undo!)) said(t("toast.undone"));
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (tell) => {
      heard.add(tell);
      return () => heard.delete(tell);
    },
    () => toasts,
  );
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((toast) => (
        <div key={toast.id} className={toast.bad ? "toast bad" : "toast"}>
          <Icon name={toast.bad ? "alert" : "check"} />
          <span>{toast.text}</span>
          {toast.undo && (
            <button type="button" className="link" onClick={() => void undo(toast)}>
              {t("toast.undo")} <kbd>u</kbd>
            </button>
          )}
          <button
            type="button"
            className="icon"
            aria-label={t("act.close")}
            onClick={() => drop(toast.id)}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
