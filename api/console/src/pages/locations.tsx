// Locations: where stock is, and which are preferred when orders are routed.

import type { ColDef } from "ag-grid-community";
import { useMemo, useState } from "react";
import { all, call, path } from "../lib/api";
import { whole } from "../lib/format";
import { t, useLanguage, word } from "../lib/i18n";
import { useKeys } from "../lib/keys";
import { useLoad } from "../lib/load";
import { patch, useRoute } from "../lib/route";
import type { Location } from "../lib/types";
import { Choice, Closable, Doing, Empty, Field, Panel, Trouble } from "../ui/bits";
import { Grid } from "../ui/grid";
import { Icon } from "../ui/icon";
import { Status } from "../ui/status";
import { said } from "../ui/toast";

const KINDS = ["warehouse", "third_party", "store", "marketplace", "supplier"];
const NARROW = window.matchMedia("(max-width: 720px)");
const FRESH: Location = {
  location: "",
  name: "",
  kind: "warehouse",
  country: "DE",
  active: true,
  priority: 100,
};

function put(it: Location): Promise<Location> {
  // What the answer has besides what was put, and the id, which stands in the path.
  const { location, seq: _, replayed: __, ...body } = it as Location & Record<string, unknown>;
  return call<Location>("PUT", path("locations", location), body);
}

function columnsOf(): ColDef<Location>[] {
  const wide: ColDef<Location>[] = [
    {
      headerName: t("location.kind"),
      field: "kind",
      width: 150,
      valueFormatter: ({ value }) => word("kind", value),
    },
    { headerName: t("order.country"), field: "country", width: 90 },
    { headerName: t("location.postcode"), field: "postcode", width: 110 },
    {
      headerName: t("location.priority"),
      field: "priority",
      type: "rightAligned",
      width: 100,
      valueFormatter: ({ value }) => whole(value),
    },
  ];
  return [
    {
      headerName: t("order.status"),
      width: 120,
      valueGetter: ({ data }) => (data?.active ? "active" : "inactive"),
      cellRenderer: ({ value }: { value: string }) => <Status value={value} />,
    },
    { headerName: t("sku.location"), field: "location", width: 150 },
    { headerName: t("location.name"), field: "name", minWidth: 120, flex: 1 },
    ...(NARROW.matches ? [] : wide),
  ];
}

const degrees = (text: string): number | undefined => {
  const value = Number(text.replace(",", "."));
  return text.trim() === "" || !Number.isFinite(value) ? undefined : value;
};

function Edit(props: { it: Location; onDone: () => void; onClose: () => void }) {
  const fresh = props.it.location === "";
  const [it, setIt] = useState(props.it);
  const [latitude, setLatitude] = useState(String(props.it.latitude ?? ""));
  const [longitude, setLongitude] = useState(String(props.it.longitude ?? ""));
  const set = (change: Partial<Location>) => setIt({ ...it, ...change });
  const text = (name: "location" | "name" | "country" | "postcode", label: string) => (
    <Field label={label}>
      <input
        value={it[name] ?? ""}
        required={name !== "postcode"}
        disabled={name === "location" && !fresh}
        onChange={(event) => set({ [name]: event.target.value || undefined })}
      />
    </Field>
  );
  return (
    <Panel title={fresh ? t("location.new") : props.it.location} onClose={props.onClose}>
      <Doing
        title={t("location.says")}
        action={t("act.save")}
        calm={!fresh}
        onCancel={props.onClose}
        onDo={async () => {
          await put({ ...it, latitude: degrees(latitude), longitude: degrees(longitude) });
          props.onDone();
          const back = async () => {
            await put(props.it);
            props.onDone();
          };
          said(t("location.saved", { id: it.location }), fresh ? undefined : back);
          patch({ panel: "", open: it.location });
        }}
      >
        {text("location", t("location.id"))}
        {text("name", t("location.name"))}
        <div className="pair">
          <Field label={t("location.kind")}>
            <Choice
              value={it.kind}
              options={KINDS.map((kind) => [kind, word("kind", kind)])}
              onChange={(kind) => set({ kind })}
            />
          </Field>
          <Field label={t("location.priority")} hint={t("location.priority_how")}>
            <input
              type="number"
              min={0}
              value={it.priority}
              onChange={(event) => set({ priority: Number(event.target.value) })}
            />
          </Field>
        </div>
        <div className="pair">
          {text("country", t("order.country"))}
          {text("postcode", t("location.postcode"))}
        </div>
        <div className="pair">
          <Field label={t("location.latitude")}>
            <input
              inputMode="decimal"
              value={latitude}
              onChange={(event) => setLatitude(event.target.value)}
            />
          </Field>
          <Field label={t("location.longitude")}>
            <input
              inputMode="decimal"
              value={longitude}
              onChange={(event) => setLongitude(event.target.value)}
            />
          </Field>
        </div>
        <label className="check">
          <input
            type="checkbox"
            checked={it.active}
            onChange={(event) => set({ active: event.target.checked })}
          />
          {t("location.active")}
        </label>
      </Doing>
    </Panel>
  );
}

export function Locations() {
  const { params } = useRoute();
  const language = useLanguage();
  const found = useLoad("locations", () => all<Location>("locations", "locations"));
  const columns = useMemo(columnsOf, [language]);
  const open = params.get("open") ?? "";
  const fresh = params.get("panel") === "new";
  const it = fresh ? FRESH : found.value?.find((each) => each.location === open);
  const start = () => patch({ panel: "new", open: "" });
  useKeys({ N: start });
  return (
    <div className="split">
      <div className="main">
        <div className="filters">
          <Closable className="primary" title="N" onClick={start}>
            <Icon name="plus" /> {t("location.new")}
          </Closable>
        </div>
        {found.error && <Trouble error={found.error} again={found.again} />}
        <Grid<Location>
          label={t("nav.locations")}
          rows={found.value}
          columns={columns}
          rowId={(row) => row.location}
          open={open}
          onOpen={(row) => patch({ open: row.location, panel: "" })}
          empty={
            <Empty title={t("location.none")}>
              <p>{t("location.none_how")}</p>
            </Empty>
          }
        />
        <p className="count soft">
          {found.value && t("location.count", { n: found.value.length })}
        </p>
      </div>
      {it && (
        <Edit
          key={it.location || "new"}
          it={it}
          onDone={found.again}
          onClose={() => patch({ panel: "", open: "" })}
        />
      )}
    </div>
  );
}
