// Reads for a component: what is there, whether it is on its way, what went wrong.

import { useCallback, useEffect, useRef, useState } from "react";
import { Refusal } from "./api";

export interface Loaded<T> {
  value: T | null;
  error: Refusal | null;
  again: () => void;
  set: (value: T) => void;
}

/** Read when `key` changes, and every `everyMs` while the tab is looked at, if given. */
export function useLoad<T>(
  key: string,
  read: (signal: AbortSignal) => Promise<T>,
  everyMs = 0,
): Loaded<T> {
  const [found, setFound] = useState<{ key: string; value: T | null; error: Refusal | null }>({
    key: "",
    value: null,
    error: null,
  });
  const [turn, setTurn] = useState(0);
  const reading = useRef(read);
  reading.current = read;
  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    const look = async () => {
      try {
        if (!document.hidden || !timer) {
          const value = await reading.current(stop.signal);
          setFound({ key, value, error: null });
        }
      } catch (error) {
        if (stop.signal.aborted) return;
        if (!(error instanceof Refusal)) throw error;
        setFound((old) => ({ key, value: old.key === key ? old.value : null, error }));
      }
      if (everyMs && !stop.signal.aborted) timer = window.setTimeout(look, everyMs);
    };
    void look();
    return () => {
      stop.abort();
      window.clearTimeout(timer);
    };
  }, [key, turn, everyMs]);
  const again = useCallback(() => setTurn((n) => n + 1), []);
  const set = useCallback((value: T) => setFound({ key, value, error: null }), [key]);
  const mine = found.key === key;
  return { value: mine ? found.value : null, error: mine ? found.error : null, again, set };
}
