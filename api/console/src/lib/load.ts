// Reads for a component: what is there, whether it is on its way, what went wrong.

import { useCallback, useEffect, useRef, useState } from "react";
import { Refusal } from "./api";
import { heardUpTo, viewsLack } from "./live";

const AFTER_TURNS = 3; // read after the log has stood still and the views have it all

export interface Loaded<T> {
  value: T | null;
  error: Refusal | null;
  again: () => void;
  set: (value: T) => void;
}

/**
 * Read when `key` changes, and every `everyMs`, if given, while the tab is looked at and the log
 * grows or the views lack some of it; `always`: whether or not, for what is not in the log.
 */
export function useLoad<T>(
  key: string,
  read: (signal: AbortSignal) => Promise<T>,
  everyMs = 0,
  always = false,
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
    let seen = -1;
    let still = 0; // turns in which there was nothing new to read
    const look = async () => {
      const seq = heardUpTo();
      still = seq >= 0 && seq === seen && !viewsLack() ? still + 1 : 0;
      seen = seq;
      try {
        if ((!document.hidden && (always || still <= AFTER_TURNS)) || !timer) {
          const value = await reading.current(stop.signal);
          if (stop.signal.aborted) return; // it may be half an answer, and nobody waits for it
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
  }, [key, turn, everyMs, always]);
  const again = useCallback(() => setTurn((n) => n + 1), []);
  const set = useCallback((value: T) => setFound({ key, value, error: null }), [key]);
  const mine = found.key === key;
  return { value: mine ? found.value : null, error: mine ? found.error : null, again, set };
}
