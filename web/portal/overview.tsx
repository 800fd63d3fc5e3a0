/** What was used, today and this month, against the limits, and from which regions; what was refused, and why. */

import { useState } from "preact/hooks";
import type {
  BrandJson,
  PersonUsageJson,
  RejectionListJson,
} from "../../src/control/portal/portal-schemas.ts";
import { Chart } from "../shared/chart.tsx";
import { ago, count, instant } from "../shared/format.ts";
import { Segments } from "../shared/segments.tsx";
import { type Column, Table } from "../shared/table.tsx";
import { Card, Empty, ErrorBox, Loading, Page } from "../shared/ui.tsx";
import { useApi } from "../shared/use-api.ts";
import { FirstCall } from "./first-call.tsx";
import { windowText } from "./limit-text.ts";
import { Meter } from "./meter.tsx";
import { reasonText } from "./reason-text.ts";
import { knownSecrets } from "./secrets.ts";

/** A call is on the chart this long after it was counted, at most. */
const askEveryMs = 1_500;

export function Overview({ brand }: { readonly brand: BrandJson }) {
  const usage = useApi<PersonUsageJson>("/portal/api/usage", askEveryMs);
  const [secret] = knownSecrets();
  return (
    <Page title="Usage" note="Days and months begin at midnight UTC.">
      {secret !== undefined && <FirstCall brand={brand} secret={secret} />}
      {usage.error !== undefined && <ErrorBox error={usage.error} onRetry={usage.reload} />}
      {usage.data === undefined && usage.error === undefined && <Loading />}
      {usage.data !== undefined && (
        <>
          <Figures usage={usage.data} />
          <UsageChart usage={usage.data} />
          <div class="grid">
            <Limits usage={usage.data} />
            <Regions usage={usage.data} />
          </div>
        </>
      )}
      <Refused usage={usage.data} />
    </Page>
  );
}

function Figures({ usage: { today, month } }: { readonly usage: PersonUsageJson }) {
  const figures = [
    { title: "Units today", value: today.units, calls: today.calls },
    { title: "Units this month", value: month.units, calls: month.calls },
  ];
  return (
    <dl class="figures">
      {figures.map(({ title, value, calls }) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd>
            <strong class="num">{count(value)}</strong>
            <span class="soft small">
              {count(calls)} {calls === 1 ? "call" : "calls"}
            </span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

const spans = [
  { value: "today", text: "Today" },
  { value: "month", text: "This month" },
] as const;

function UsageChart({ usage }: { readonly usage: PersonUsageJson }) {
  const [span, setSpan] = useState<"today" | "month">("today");
  const points = span === "today" ? usage.hours : usage.days;
  const times = points.map(({ start }) => Date.parse(start));
  const series = usage.regions.map((name, at) => {
    return { name, values: points.map(({ units }) => units[at] ?? 0) };
  });
  return (
    <Card
      title={span === "today" ? "Units by hour" : "Units by day"}
      actions={<Segments label="Span" options={spans} value={span} onChange={setSpan} />}
    >
      <Chart
        label={`Units by region, each ${span === "today" ? "hour of today" : "day of this month"}`}
        times={times}
        series={series}
        kind="bars"
        stacked
        format={wholeUnits}
        formatTime={(ms) => instant(ms).slice(...(span === "today" ? [11, 16] : [5, 10]))}
      />
    </Card>
  );
}

function Limits({ usage }: { readonly usage: PersonUsageJson }) {
  const told = usage.keys.flatMap((key) =>
    key.limits.flatMap((limit) =>
      limit.used === null ? [] : [{ ...limit, key, used: limit.used }],
    ),
  );
  return (
    <Card title="Against your limits">
      {told.length === 0 ? (
        <Empty title="No limit of an hour or longer" />
      ) : (
        <ul class="meters">
          {told.map(({ key, name, quota, used, window, endsAt }) => (
            <li key={`${key.id} ${name}`}>
              <Meter
                title={key.name === "" ? key.id : key.name}
                note={`${name}: ${windowText(window)}${endsAt === null ? "" : `, begins anew ${instant(endsAt)} UTC`}`}
                used={used}
                quota={quota}
              />
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

/** There is no half a unit: an axis of small numbers has labels at whole ones only. */
function wholeUnits(value: number): string {
  return Number.isInteger(value) ? count(value) : "";
}

interface RegionRow {
  readonly name: string;
  readonly today: number;
  readonly month: number;
}

const regionColumns: readonly Column<RegionRow>[] = [
  { title: "Region", kind: "wide", cell: ({ name }) => name, isHeading: true },
  { title: "Today", kind: "number", cell: ({ today }) => count(today) },
  { title: "This month", kind: "number", cell: ({ month }) => count(month) },
];

function Regions({ usage }: { readonly usage: PersonUsageJson }) {
  const sum = (points: PersonUsageJson["days"], at: number): number =>
    points.reduce((all, { units }) => all + (units[at] ?? 0), 0);
  const rows = usage.regions.map((name, at) => {
    return { name, today: sum(usage.hours, at), month: sum(usage.days, at) };
  });
  return (
    <Card title="Where your calls came in" flush>
      <Table
        caption="Units by region"
        columns={regionColumns}
        rows={rows}
        rowKey={({ name }) => name}
      />
    </Card>
  );
}

type Rejection = RejectionListJson["rejections"][number];

function Refused({ usage }: { readonly usage: PersonUsageJson | undefined }) {
  const { data, error, reload } = useApi<RejectionListJson>("/portal/api/rejections", 5_000);
  const nameOf = (id: string): string => usage?.keys.find((key) => key.id === id)?.name || id;
  const columns: readonly Column<Rejection>[] = [
    { title: "Why", kind: "wide", cell: ({ reason }) => reasonText(reason), isHeading: true },
    { title: "Key", cell: ({ key }) => nameOf(key) },
    { title: "Route", cell: ({ route }) => <code>{route === "" ? "–" : route}</code> },
    { title: "Region", cell: ({ region }) => region },
    { title: "Calls", kind: "number", cell: (row) => count(row.count) },
    {
      title: "Last",
      kind: "number",
      cell: ({ lastAt }) => ago(Date.parse(lastAt), Date.now()),
    },
  ];
  return (
    <Card
      title="Refused of late"
      note="The last 24 hours"
      flush={(data?.rejections ?? []).length > 0}
    >
      {error !== undefined && <ErrorBox error={error} onRetry={reload} />}
      {data === undefined && error === undefined && <Loading />}
      {data?.rejections.length === 0 && <Empty title="Nothing was refused" />}
      {data !== undefined && data.rejections.length > 0 && (
        <Table
          caption="Refused calls"
          columns={columns}
          rows={data.rejections}
          rowKey={({ key, region, route, reason }) => `${key} ${region} ${route} ${reason}`}
        />
      )}
    </Card>
  );
}
