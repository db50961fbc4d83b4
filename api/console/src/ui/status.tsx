// A status by shape, colour and word, so that no one of the three is needed.

import { word } from "../lib/i18n";
import { Icon, type IconName } from "./icon";

const LOOKS: Record<string, [IconName, string]> = {
  received: ["wait", "quiet"],
  validated: ["wait", "quiet"],
  allocated: ["full", "good"],
  partially_allocated: ["part", "warn"],
  backordered: ["wait", "warn"],
  on_hold: ["hold", "hold"],
  released: ["box", "busy"],
  picking: ["box", "busy"],
  packed: ["box", "busy"],
  partially_shipped: ["truck", "warn"],
  shipped: ["truck", "done"],
  delivered: ["check", "done"],
  cancelled: ["none", "quiet"],
  exception: ["exceptions", "bad"],
  open: ["wait", "busy"],
  active: ["full", "good"],
  inactive: ["none", "quiet"],
  requested: ["wait", "busy"],
  accepted: ["full", "good"],
  rejected: ["none", "warn"],
  expired: ["wait", "warn"],
  ready_for_pickup: ["box", "good"],
  picked_up: ["check", "done"],
};

/** `look` is the status whose shape and colour it has, if not its own. */
export function Status({ value, look }: { value: string; look?: string }) {
  const [icon, tone] = LOOKS[look ?? value] ?? ["wait", "quiet"];
  return (
    <span className={`status ${tone}`}>
      <Icon name={icon} />
      {word("status", value)}
    </span>
  );
}
