/** Units over time, stacked by region. */

import { useMemo } from "preact/hooks";
import type { UsageJson } from "../../src/control/schemas.ts";
import { Chart, type Series } from "../shared/chart.tsx";
import { count, instant } from "../shared/format.ts";
import { Card, ErrorBox, Loading } from "../shared/ui.tsx";
import { useApi } from "../shared/use-api.ts";
import { hourMs, type TimeSpan, windowsIn } from "./time-span.ts";
import { chartPath, chartWindow, type UsageView } from "./usage-query.ts";

const askEveryMs = 5_000;
const dayMs = 24 * hourMs;
/** Regions with a colour of their own; the others are one. */
const ownMax = 5;
const others = "others";

interface UsageChartProps {
  readonly view: UsageView;
  /** A bar was chosen. */
  readonly onPick?: (time: TimeSpan) => void;
}

export function UsageChart({ view, onPick }: UsageChartProps) {
  const { data, error, reload } = useApi<UsageJson>(chartPath(view), askEveryMs);
  const window = chartWindow(view);
  const { fromMs, toMs } = view.time;
  const times = useMemo(() => windowsIn({ fromMs, toMs }, window), [fromMs, toMs, window]);
  const series = useMemo(() => seriesOf(data, times), [data, times]);
  const units = (data?.rows ?? []).reduce((sum, row) => sum + row.units - row.refundedUnits, 0);
  const calls = (data?.rows ?? []).reduce((sum, row) => sum + row.calls - row.refundedCalls, 0);
  const stepMs = window === "hour" ? hourMs : dayMs;
  return (
    <Card
      title={window === "hour" ? "Units an hour" : "Units a day"}
      note={data === undefined ? undefined : `${count(units)} units in ${count(calls)} calls`}
    >
      {error !== undefined && <ErrorBox error={error} onRetry={reload} />}
      {data === undefined && error === undefined && <Loading />}
      {data !== undefined && (
        <Chart
          label={`Units by region, each ${window}`}
          times={times}
          series={series}
          kind="bars"
          stacked
          format={count}
          formatTime={window === "hour" ? instant : day}
          formatAxis={toMs - fromMs <= 2 * dayMs ? clock : shortDay}
          onPick={
            onPick === undefined ? undefined : (ms) => onPick({ fromMs: ms, toMs: ms + stepMs })
          }
        />
      )}
    </Card>
  );
}

function clock(ms: number): string {
  return new Date(ms).toISOString().slice(11, 16);
}

const shortDays = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  timeZone: "UTC",
});

function shortDay(ms: number): string {
  return shortDays.format(ms);
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function seriesOf(data: UsageJson | undefined, times: readonly number[]): Series[] {
  const places = new Map(times.map((ms, at) => [ms, at]));
  const columns = new Map<string, number[]>();
  for (const { window, value, units, refundedUnits } of data?.rows ?? []) {
    const at = places.get(Date.parse(window));
    if (at === undefined) continue;
    const isOwn = columns.has(value) || columns.size < ownMax;
    const name = isOwn ? value : others;
    const column = columns.get(name) ?? times.map(() => 0);
    column[at] = (column[at] ?? 0) + units - refundedUnits;
    columns.set(name, column);
  }
  if (columns.size === 0) return [{ name: "Units", values: times.map(() => 0) }];
  const names = [...columns.keys()].filter((name) => name !== others).sort();
  return [...names, others].flatMap((name): Series[] => {
    const values = columns.get(name);
    if (values === undefined) return [];
    return [name === others ? { name, values, color: 6 } : { name, values }];
  });
}
