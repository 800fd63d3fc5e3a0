/** Who and what uses most: keys, owners, addresses, referers, routes. */

import { useState } from "preact/hooks";
import type { UsageJson } from "../../src/control/schemas.ts";
import { count } from "../shared/format.ts";
import { routeTo, withQuery } from "../shared/route.ts";
import { Segments } from "../shared/segments.tsx";
import { Card, Empty, ErrorBox, Loading } from "../shared/ui.tsx";
import { useApi } from "../shared/use-api.ts";
import { Bars } from "./bars.tsx";
import { useKeyNames } from "./key-names.ts";
import { useLive } from "./live.ts";
import { type Span, spanOf, spanText } from "./time-span.ts";

const dimensions = [
  { value: "key", text: "Keys" },
  { value: "owner", text: "Owners" },
  { value: "ip", text: "Addresses" },
  { value: "referer", text: "Referers" },
  { value: "route", text: "Routes" },
] as const;

type Dimension = (typeof dimensions)[number]["value"];

const spans = (["hour", "day", "month"] as const).map((value) => ({
  value,
  text: spanText[value],
}));

const rowsShown = 8;
const askEveryMs = 5_000;

export function TopCard({ query }: { readonly query: Readonly<Record<string, string>> }) {
  const given = dimensions.find(({ value }) => value === query["top"])?.value;
  const [by, setBy] = useState<Dimension>(given ?? "key");
  const [span, setSpan] = useState<Extract<Span, "hour" | "day" | "month">>("day");
  const live = useLive();
  const nowMs = live === undefined ? Date.now() : Date.parse(live.moment.status.time);
  const { fromMs, toMs } = spanOf(span, nowMs);
  const from = new Date(fromMs).toISOString();
  const to = new Date(toMs).toISOString();
  const path = withQuery("/v1/usage", { by, window: "total", top: String(rowsShown), from, to });
  const { data, error, reload } = useApi<UsageJson>(path, askEveryMs);
  const names = useKeyNames(by === "key" ? (data?.rows.map(({ value }) => value) ?? []) : []);
  return (
    <Card
      title="Top"
      class="top-card"
      actions={<Segments label="Top by" options={dimensions} value={by} onChange={setBy} />}
    >
      <div class="card-tools">
        <Segments label="Span" options={spans} value={span} onChange={setSpan} />
        <a href={routeTo("/usage", { by, span, window: "hour" })}>Hourly rows</a>
      </div>
      {error !== undefined && <ErrorBox error={error} onRetry={reload} />}
      {data === undefined && error === undefined && <Loading />}
      {data !== undefined && data.rows.length === 0 && <Empty title="No calls yet" />}
      {data !== undefined && data.rows.length > 0 && (
        <Bars
          label={`Highest by units: ${by}, ${spanText[span]}`}
          rows={data.rows.map((row) => ({
            key: row.value,
            name: (
              <a href={routeTo("/usage", { by, span, window: "hour", [by]: row.value })}>
                {row.value === "" ? noneText[by] : names.get(row.value)?.name || row.value}
              </a>
            ),
            value: row.units - row.refundedUnits,
            text: count(row.units - row.refundedUnits),
          }))}
        />
      )}
    </Card>
  );
}

const noneText: Readonly<Record<Dimension, string>> = {
  key: "without a key",
  owner: "without an owner",
  ip: "without an address",
  referer: "without a referer",
  route: "without a route",
};
