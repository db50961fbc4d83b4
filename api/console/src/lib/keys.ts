// Keys: what a page lets people do without a mouse. A page hands in its keys while it is shown.

import { useEffect, useRef } from "react";

export type Keys = Record<string, (event: KeyboardEvent) => void>;

interface Held {
  current: Keys;
  alone: boolean;
}

const stack: Held[] = [];
let led = 0; // when "g" was pressed, the first half of "g o"
let leader = "";
const LEAD_MS = 1_200;

function typing(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  return !!element?.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
}

function nameOf(event: KeyboardEvent): string {
  const control = event.ctrlKey || event.metaKey;
  if (control) return `ctrl+${event.key.toLowerCase()}`;
  if (performance.now() - led < LEAD_MS && leader) return `${leader} ${event.key}`;
  return event.key;
}

window.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.altKey) return;
  const name = nameOf(event);
  if (typing(event.target) && !name.startsWith("ctrl+") && name !== "Escape") return;
  if (name === "Enter" && (event.target as HTMLElement).closest("button, a, summary")) return;
  leader = "";
  if (event.key === "g" && name === "g") {
    leader = "g";
    led = performance.now();
    return;
  }
  // What was opened last is asked first: a panel's Escape goes before the page's.
  for (let i = stack.length - 1; i >= 0; i--) {
    const { current, alone } = stack[i]!;
    const then = current[name];
    if (then) {
      event.preventDefault();
      then(event);
      return;
    }
    if (alone) return;
  }
});

/** Let these keys work while the component is shown; `alone`, and none of what lies below. */
export function useKeys(keys: Keys, alone = false): void {
  const held = useRef(keys);
  held.current = keys;
  useEffect(() => {
    const mine: Held = {
      get current() {
        return held.current;
      },
      alone,
    };
    stack.push(mine);
    return () => {
      stack.splice(stack.indexOf(mine), 1);
    };
  }, [alone]);
}
