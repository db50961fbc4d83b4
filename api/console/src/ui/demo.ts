// Loading and removing the demo, with how far it is and what came of it.

import { load, remove } from "../lib/demo";
import { t } from "../lib/i18n";
import { go } from "../lib/route";
import { attempt, progress, said } from "./toast";

export async function demo(what: "load" | "remove"): Promise<void> {
  const { tell, end } = progress((done, all) => t("demo.loading", { done, all }));
  await attempt(async () => {
    if (what === "load") {
      const n = await load(tell);
      said(t("demo.loaded", { n }), () => demo("remove"));
      go("orders", { channel: "demo" });
    } else {
      await remove(tell);
      said(t("demo.removed"));
    }
  });
  end();
}
