// Texts by key, one catalogue file a language. "a|b" is singular|plural, chosen by `n`.

import { useSyncExternalStore } from "react";
import en from "../locales/en.json";
import tr from "../locales/tr.json";

export type Key = keyof typeof en;
export type Language = "en" | "tr";

const STORE = "dibs language";
const CATALOGUES: Record<Language, Record<string, string>> = { en, tr };
export const LANGUAGES: [Language, string][] = [
  ["en", "English"],
  ["tr", "Türkçe"],
];

const first = (localStorage.getItem(STORE) ?? navigator.language.slice(0, 2)) as Language;
let language: Language = first in CATALOGUES ? first : "en";
let plural = new Intl.PluralRules(language);
const heard = new Set<() => void>();
document.documentElement.lang = language;

export const languageNow = (): Language => language;

export function setLanguage(next: Language): void {
  language = next;
  plural = new Intl.PluralRules(next);
  localStorage.setItem(STORE, next);
  document.documentElement.lang = next;
  for (const tell of heard) tell();
}

export const useLanguage = (): Language =>
  useSyncExternalStore((tell) => {
    heard.add(tell);
    return () => heard.delete(tell);
  }, languageNow);

export function t(key: Key, values: Record<string, string | number> = {}): string {
  let text = CATALOGUES[language][key] ?? en[key];
  if (text.includes("|")) {
    const [one = "", other = ""] = text.split("|");
    text = plural.select(Number(values.n)) === "one" ? one : other;
  }
  return text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name] ?? "";
    return typeof value === "number" ? value.toLocaleString(language) : value;
  });
}

/** A word of the API, such as a status, as people read it. */
export function word(group: string, value: string): string {
  const found = CATALOGUES[language][`${group}.${value}`] ?? en[`${group}.${value}` as Key];
  return found ?? value.replaceAll("_", " ");
}
