// One way to the API: a key in a header or the cookie of a session, problems as values with words,
// safe repetition.

const STORE = "dibs key";
const TRIES = 3;
const WAIT_MS = 400;

/** What is wrong at one place of a request. */
export interface Fault {
  path: string;
  detail: string;
  sku?: string;
  requested?: number;
  available?: number;
}

/** What the API says when it refuses: a problem document, or that nobody answered. */
export class Refusal extends Error {
  readonly code: string;
  readonly status: number;
  readonly faults: Fault[];

  constructor(status: number, problem: Record<string, unknown>) {
    super(String(problem.detail ?? problem.title ?? status));
    this.status = status;
    this.code = String(problem.code ?? "no_answer");
    this.faults = (problem.errors as Fault[]) ?? [];
  }
}

let key = sessionStorage.getItem(STORE) ?? "";
let signed = false;
let keyRefused: (why: string) => void = () => {};

/** Whether somebody is in: with a key of this tab, or signed in. */
export const hasKey = (): boolean => key !== "" || signed;

/** Say whether somebody is signed in; the browser keeps the cookie. */
export function setSigned(is: boolean): void {
  signed = is;
}

/** Keep a key for this tab only. An empty one forgets it. */
export function setKey(next: string): void {
  key = next;
  if (next) sessionStorage.setItem(STORE, next);
  else sessionStorage.removeItem(STORE);
}

/** Say what happens when the server does not know the key any more. */
export function onKeyRefused(then: (why: string) => void): void {
  keyRefused = then;
}

/** The server does not know the key any more, and says why. */
export const turnedAway = (why: string): void => keyRefused(why);

export function headers(more: Record<string, string> = {}): Record<string, string> {
  return key ? { Authorization: `Bearer ${key}`, ...more } : more;
}

/** A fresh id for something that this console asks for, so that repeating it is safe. */
export function freshId(noun: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return `${noun}-${btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")}`;
}

/** Path from parts; each is percent-encoded, so an id may hold anything. */
export const path = (...parts: string[]): string => "v1/" + parts.map(encodeURIComponent).join("/");

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

async function once(method: string, url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, method, cache: "no-store" });
  } catch (error) {
    if ((error as Error).name === "AbortError") throw error;
    throw new Refusal(0, { code: "no_answer", detail: "" });
  }
}

/** Why half an answer came: this tab wanted no more of it, or the server went away. */
const brokenOff = (signal?: AbortSignal): Error =>
  signal?.aborted
    ? new DOMException("", "AbortError")
    : new Refusal(0, { code: "no_answer", detail: "" });

/**
 * Ask the API and return its answer; throws `Refusal`. What changes something carries an id or an
 * Idempotency-Key, so silence and 503 are answered by asking again: nothing happens twice.
 */
export async function call<T>(
  method: string,
  url: string,
  body?: unknown,
  options: { idem?: string; signal?: AbortSignal } = {},
): Promise<T> {
  const more: Record<string, string> = {};
  if (body !== undefined) more["Content-Type"] = "application/json";
  if (options.idem) more["Idempotency-Key"] = options.idem;
  const init: RequestInit = { headers: headers(more), signal: options.signal };
  if (body !== undefined) init.body = JSON.stringify(body);
  for (let left = TRIES - 1; ; left--) {
    try {
      const answer = await once(method, url, init);
      const found = await answer.json().catch(() => undefined);
      if (answer.ok && found !== undefined) return found as T;
      if (answer.ok) throw brokenOff(options.signal);
      const problem = found ?? {};
      if (answer.status === 401 && problem.code !== "sign_in_failed")
        turnedAway(String(problem.detail ?? ""));
      throw new Refusal(answer.status, problem);
    } catch (error) {
      const again = error instanceof Refusal && (error.status === 0 || error.status === 503);
      if (!again || left === 0 || method === "GET") throw error;
      await pause(WAIT_MS);
    }
  }
}

export const get = <T>(url: string, signal?: AbortSignal): Promise<T> =>
  call<T>("GET", url, undefined, { signal });

/** Query text of the parameters that have a value. */
export function query(params: Record<string, string | number | null | undefined>): string {
  const found = Object.entries(params).filter(([, value]) => value != null && value !== "");
  const text = new URLSearchParams(found.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text}`;
}

/** SKUs for a query: a comma between two stands as it is, one inside a name is encoded. */
export const named = (skus: string[]): string => `skus=${skus.map(encodeURIComponent).join(",")}`;

/** All rows of a list that is short by nature, such as locations; `most` rows at most. */
export async function all<Row>(list: string, name: string, most = 2_000): Promise<Row[]> {
  const rows: Row[] = [];
  let cursor: string | null = "";
  do {
    const page: Record<string, unknown> = await get(`v1/${list}${query({ limit: 500, cursor })}`);
    rows.push(...(page[name] as Row[]));
    cursor = page.next_cursor as string | null;
  } while (cursor && rows.length < most);
  return rows;
}
