// How a connection is doing, by shape, colour and word, so that no one of the three is needed.

import type { Health } from "../lib/connections";
import { word } from "../lib/i18n";
import { Icon, type IconName } from "./icon";

const LOOKS: Record<Health, [IconName, string]> = {
  stopped: ["none", "bad"],
  failing: ["alert", "bad"],
  behind: ["wait", "warn"],
  cancelling: ["alert", "warn"],
  late: ["alert", "warn"],
  untracked: ["alert", "warn"],
  letters: ["letter", "warn"],
  good: ["full", "good"],
};

export function HealthOf({ health }: { health: Health }) {
  const [icon, tone] = LOOKS[health] ?? ["wait", "quiet"];
  return (
    <span className={`status ${tone}`}>
      <Icon name={icon} />
      {word("health", health)}
    </span>
  );
}
