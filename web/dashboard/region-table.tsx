/** The regions and their figures, as a table: what the map shows, to the digit. */

import type { LiveMomentJson } from "../../src/control/live-schemas.ts";
import type { RegionJson } from "../../src/control/status-schemas.ts";
import { milliseconds, rate } from "../shared/format.ts";
import { routeTo } from "../shared/route.ts";
import { type Column, Table } from "../shared/table.tsx";
import { Badge, type Tone } from "../shared/ui.tsx";
import { total } from "./history.ts";
import { overheadMedianOf, overheadOf, worst } from "./region-figures.ts";

const tones: Readonly<Record<RegionJson["health"], Tone>> = {
  up: "good",
  degraded: "warn",
  down: "bad",
};

export function HealthBadge({ health }: { readonly health: RegionJson["health"] }) {
  return (
    <Badge tone={tones[health]} dot>
      {health}
    </Badge>
  );
}

export function orNone(value: number | undefined, text: (value: number) => string): string {
  return value === undefined ? "–" : text(value);
}

interface RegionTableProps {
  readonly regions: readonly RegionJson[];
  readonly rates: LiveMomentJson["rates"];
}

export function RegionTable({ regions, rates }: RegionTableProps) {
  const columns: readonly Column<RegionJson>[] = [
    {
      title: "Region",
      isHeading: true,
      cell: ({ name }) => <a href={routeTo(`/regions/${name}`)}>{name}</a>,
    },
    { title: "Health", cell: ({ health }) => <HealthBadge health={health} /> },
    { title: "Calls/s", kind: "number", cell: ({ name }) => rate(total(rates[name])) },
    {
      title: "Added p50",
      kind: "number",
      cell: ({ processes }) => orNone(worst(processes.map(overheadMedianOf)), milliseconds),
    },
    {
      title: "Added p99",
      kind: "number",
      cell: ({ processes }) => orNone(worst(processes.map(overheadOf)), milliseconds),
    },
    {
      title: "View lag p50",
      kind: "number",
      cell: ({ processes }) =>
        orNone(worst(processes.map(({ lagP50Ms }) => lagP50Ms)), milliseconds),
    },
    {
      title: "View lag p99",
      kind: "number",
      cell: ({ processes }) =>
        orNone(worst(processes.map(({ lagP99Ms }) => lagP99Ms)), milliseconds),
    },
    {
      title: "Key change",
      kind: "number",
      cell: ({ processes }) =>
        orNone(worst(processes.map(({ keyLagMs }) => keyLagMs ?? undefined)), milliseconds),
    },
    { title: "Processes", kind: "number", cell: ({ processes }) => processes.length },
  ];
  return <Table caption="Regions" columns={columns} rows={regions} rowKey={({ name }) => name} />;
}
