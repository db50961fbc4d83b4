// The page's search; "/" goes there. What is typed is in the address soon after.

import { useEffect, useRef, useState } from "react";
import { t } from "../lib/i18n";
import { patch } from "../lib/route";
import { Icon } from "./icon";

const AFTER_MS = 200;

export function SearchBox({ value, label }: { value: string; label: string }) {
  const [text, setText] = useState(value);
  const timer = useRef(0);
  useEffect(() => setText(value), [value]);
  const change = (next: string) => {
    setText(next);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => patch({ q: next.trim() }, { replace: true }), AFTER_MS);
  };
  return (
    <label className="search">
      <Icon name="search" />
      <input
        id="search"
        type="search"
        autoComplete="off"
        spellCheck={false}
        aria-label={label}
        placeholder={label}
        value={text}
        onChange={(event) => change(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape" && event.key !== "Enter") return;
          event.preventDefault(); // the browser would empty the field
          event.currentTarget.blur();
        }}
      />
      <kbd title={t("key.search")}>/</kbd>
    </label>
  );
}
