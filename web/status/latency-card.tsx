/** How long one region took to answer, over two days or ninety. */

import { useMemo, useState } from "preact/hooks";
import type { PublicRegion } from "../../src/status/public-status.ts";
import { Chart } from "../shared/chart.tsx";
import { milliseconds } from "../shared/format.ts";
import { Segments } from "../shared/segments.tsx";
import { Card, Empty, SelectField } from "../shared/ui.tsx";
import { dayText, momentText, periodTimes } from "./words.ts";

type Span = "hours" | "days";

const spans = [
  { value: "hours", text: "48 hours" },
  { value: "days", text: "90 days" },
] as const;
const unitMs: Readonly<Record<Span, number>> = { hours: 3_600_000, days: 86_400_000 };

/** Side by side while they fit. */
const segmentsMax = 4;

export function LatencyCard({ regions }: { readonly regions: readonly PublicRegion[] }) {
  const [chosen, setChosen] = useState("");
  const [span, setSpan] = useState<Span>("hours");
  const region = regions.find(({ name }) => name === chosen) ?? regions[0];
  if (region === undefined) return null;
  const options = regions.map(({ name }) => ({ value: name, text: name }));
  return (
    <Card title="Time to answer" note="of a small request, without connecting">
      <div class="latency-choice">
        {options.length <= segmentsMax ? (
          <Segments label="Region" options={options} value={region.name} onChange={setChosen} />
        ) : (
          <SelectField label="Region" options={options} value={region.name} onChange={setChosen} />
        )}
        <Segments label="Time" options={spans} value={span} onChange={setSpan} />
      </div>
      <Latencies key={span} region={region} span={span} />
    </Card>
  );
}

function Latencies({ region, span }: { readonly region: PublicRegion; readonly span: Span }) {
  const { from, p50Ms, p95Ms } = region[span];
  const times = useMemo(() => periodTimes(from, p50Ms.length, unitMs[span]), [from, span]);
  const series = useMemo(
    () => [
      { name: "p50", values: p50Ms },
      { name: "p95", values: p95Ms },
    ],
    [p50Ms, p95Ms],
  );
  if (p50Ms.every((value) => value === null)) {
    return <Empty title="No answers in this time" />;
  }
  const formatTime = (ms: number): string =>
    span === "days" ? dayText(ms) : momentText(new Date(ms).toISOString());
  return (
    <Chart
      label={`Time until ${region.name} answered, p50 and p95, by ${span === "days" ? "day" : "hour"}`}
      times={times}
      series={series}
      format={milliseconds}
      formatTime={formatTime}
    />
  );
}
