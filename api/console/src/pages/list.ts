// The pages, in the order of the navigation; `key` goes there after "g".

import type { IconName } from "../ui/icon";

export const PAGES = [
  { name: "now", icon: "now", key: "n" },
  { name: "orders", icon: "orders", key: "o" },
  { name: "stock", icon: "stock", key: "s" },
  { name: "returns", icon: "returns", key: "r" },
  { name: "exceptions", icon: "exceptions", key: "e" },
  { name: "purchases", icon: "purchases", key: "p" },
  { name: "locations", icon: "locations", key: "l" },
  { name: "channels", icon: "channels", key: "c" },
  { name: "connections", icon: "plug", key: "a" },
  { name: "flash", icon: "flash", key: "f" },
  { name: "settings", icon: "settings", key: "t" },
] as const satisfies readonly { name: string; icon: IconName; key: string }[];

export type PageName = (typeof PAGES)[number]["name"];
