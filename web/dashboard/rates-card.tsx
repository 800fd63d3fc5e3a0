/** Calls a second over the last minutes, by outcome or by region. */

import { useMemo, useState } from "preact/hooks";
import { Chart, type Series } from "../shared/chart.tsx";
import { rate } from "../shared/format.ts";
import { routeTo } from "../shared/route.ts";
import { Segments } from "../shared/segments.tsx";
import { Card } from "../shared/ui.tsx";
import { allOf, byKind, type History } from "./history.ts";
import { outcomesOfHour } from "./outcome-query.ts";
import { hourMs } from "./time-span.ts";

const views = [
  { value: "outcome", text: "By outcome" },
  { value: "region", text: "By region" },
] as const;

type View = (typeof views)[number]["value"];

/** Of regions that have a line of their own; the others are one. */
const linesMax = 5;

export function RatesCard({ history }: { readonly history: History }) {
  const [view, setView] = useState<View>("outcome");
  const series = useMemo(
    () => (view === "outcome" ? outcomeSeries(history) : regionSeries(history)),
    [history, view],
  );
  const pick = (ms: number): void => {
    if (view === "outcome") {
      location.hash = outcomesOfHour(ms);
      return;
    }
    const from = Math.floor(ms / hourMs) * hourMs;
    location.hash = routeTo("/usage", {
      by: "region",
      window: "hour",
      from: new Date(from).toISOString(),
      to: new Date(from + hourMs).toISOString(),
    });
  };
  return (
    <Card
      title="Calls a second"
      note="last 10 minutes"
      class="span-wide"
      actions={<Segments label="Calls a second" options={views} value={view} onChange={setView} />}
    >
      <Chart
        label={`Calls a second over the last ten minutes, ${view === "outcome" ? "by outcome" : "by region"}`}
        times={history.times}
        series={series}
        stacked={view === "outcome"}
        format={rate}
        formatTime={clock}
        onPick={pick}
      />
      <p class="card-foot">
        Today’s hours:{" "}
        <a href={routeTo("/outcomes", { by: "outcome", window: "hour", span: "day" })}>
          by outcome
        </a>
        ,{" "}
        <a href={routeTo("/usage", { by: "region", window: "hour", span: "day" })}>
          units by region
        </a>
      </p>
    </Card>
  );
}

function outcomeSeries(history: History): Series[] {
  const sums = byKind(history);
  return [
    { name: "Answered", values: sums.answered, color: 1 },
    { name: "Over a limit", values: sums.limited, color: 2 },
    { name: "Refused", values: sums.refused, color: 6 },
    { name: "Failed", values: sums.failed, color: 4 },
  ];
}

function regionSeries({ times, regions }: History): Series[] {
  const names = Object.keys(regions);
  const own = names.length > linesMax + 1 ? names.slice(0, linesMax) : names;
  const series: Series[] = own.flatMap((name) => {
    const region = regions[name];
    return region === undefined ? [] : { name, values: allOf(region) };
  });
  const others = names
    .slice(own.length)
    .flatMap((name) => regions[name] ?? [])
    .map(allOf);
  if (others.length === 0) return series;
  const values = times.map((_, at) => others.reduce((sum, one) => sum + (one[at] ?? 0), 0));
  return [...series, { name: `${others.length} others`, values, color: 6 }];
}

/** `10:04:30` of the browser's own clock: these minutes are now, wherever one sits. */
function clock(ms: number): string {
  return new Date(ms).toLocaleTimeString("en-GB");
}
