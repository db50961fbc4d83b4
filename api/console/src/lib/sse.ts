// Server-sent events with a key in the header, which EventSource cannot send.

import { headers } from "./api";

const WAIT_MS = 1_000;

/** Follow a stream until stopped; it connects again by itself. `tell` gets what came together. */
export function follow<T>(
  url: string,
  tell: (events: T[]) => void,
  live: (good: boolean) => void,
): () => void {
  const stop = new AbortController();
  const run = async () => {
    while (!stop.signal.aborted) {
      try {
        const answer = await fetch(url, { headers: headers(), signal: stop.signal });
        if (!answer.ok || !answer.body) throw new Error(String(answer.status));
        live(true);
        await read(answer.body, tell);
      } catch {
        // Whatever it was: the next connection begins with the present state.
      }
      if (stop.signal.aborted) return;
      live(false);
      await new Promise((done) => setTimeout(done, WAIT_MS));
    }
  };
  void run();
  return () => stop.abort();
}

async function read<T>(body: ReadableStream<Uint8Array<ArrayBuffer>>, tell: (events: T[]) => void) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop() ?? "";
    const events: T[] = [];
    for (const part of parts) {
      if (part.startsWith("event: end") || part.includes("\nevent: end")) return;
      const data = /^data: ?(.*)$/m.exec(part)?.[1];
      if (data) events.push(JSON.parse(data) as T);
    }
    if (events.length) tell(events);
  }
}
