import { type Key, t } from "../lib/i18n";
import { PAGES } from "../pages/list";
import { Layer } from "./layer";

const GROUPS: [Key, [string, Key][]][] = [
  [
    "help.everywhere",
    [
      ["Ctrl K", "key.palette"],
      ["/", "key.search"],
      ["u", "key.undo"],
      ["Esc", "key.close"],
      ["?", "key.help"],
    ],
  ],
  [
    "help.lists",
    [
      ["j  k", "key.move"],
      ["x", "key.choose"],
      ["Enter", "key.open"],
      ["H  R  C", "key.bulk"],
    ],
  ],
  [
    "help.order",
    [
      ["h", "act.hold"],
      ["e", "act.edit"],
      ["f", "act.fulfil"],
      ["n", "key.next"],
      ["m", "work.short"],
      ["s", "act.ship"],
      ["p", "act.split"],
      ["b", "return.book"],
      ["c", "act.cancel"],
    ],
  ],
  [
    "help.stock",
    [
      ["r", "paper.receive"],
      ["a", "paper.adjust"],
      ["c", "paper.count"],
      ["t", "paper.transfer"],
      ["I", "import.title"],
    ],
  ],
];

function Row({ keys, text }: { keys: string; text: string }) {
  return (
    <div>
      <dt>
        {keys.split("  ").map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{text}</dd>
    </div>
  );
}

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Layer label={t("help")} onClose={onClose}>
      <div className="help">
        {GROUPS.map(([title, rows]) => (
          <section key={title}>
            <h2>{t(title)}</h2>
            <dl>
              {rows.map(([keys, text]) => (
                <Row key={keys} keys={keys} text={t(text)} />
              ))}
            </dl>
          </section>
        ))}
        <section>
          <h2>{t("help.go")}</h2>
          <dl>
            {PAGES.map(({ name, key }) => (
              <Row key={name} keys={`g  ${key}`} text={t(`nav.${name}`)} />
            ))}
          </dl>
        </section>
      </div>
    </Layer>
  );
}
