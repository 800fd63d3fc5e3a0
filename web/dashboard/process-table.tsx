/** Gateway processes: what each has yet to hand over, how far behind it is, and whether it can record. */

import { bytes, count, milliseconds } from "../shared/format.ts";
import { type Column, Table } from "../shared/table.tsx";
import { Badge } from "../shared/ui.tsx";
import type { Process } from "./region-figures.ts";

interface Row {
  readonly region: string;
  readonly process: Process;
}

export function ProcessTable({ processes }: { readonly processes: readonly Row[] }) {
  return (
    <Table
      caption="Processes"
      columns={columns}
      rows={processes}
      rowKey={({ process }) => process.producer}
    />
  );
}

const columns: readonly Column<Row>[] = [
  {
    title: "Process",
    isHeading: true,
    cell: ({ region, process }) => `${region}/${process.process}`,
  },
  {
    title: "Link",
    cell: ({ process }) =>
      process.connected && process.heardAgoMs < 3_000 ? (
        <Badge tone="good">connected</Badge>
      ) : (
        <Badge tone="bad">{`silent for ${milliseconds(process.heardAgoMs)}`}</Badge>
      ),
  },
  {
    title: "Journal",
    cell: ({ process }) => (
      <Badge tone={process.journalState === "ok" ? "good" : "bad"}>{process.journalState}</Badge>
    ),
  },
  { title: "On disk", kind: "number", cell: ({ process }) => bytes(process.journalBytes) },
  {
    title: "Not handed over",
    kind: "number",
    cell: ({ process }) => `${count(process.unacknowledgedUnits)} units`,
  },
  {
    title: "Oldest",
    kind: "number",
    cell: ({ process }) => milliseconds(process.oldestUnacknowledgedMs),
  },
  { title: "View behind", kind: "number", cell: ({ process }) => count(process.viewBehind) },
  { title: "Round trip", kind: "number", cell: ({ process }) => milliseconds(process.roundTripMs) },
  {
    title: "Peak",
    kind: "number",
    cell: ({ process }) => `${count(process.peakUnits)} units in 250 ms`,
  },
  { title: "Keys at", kind: "number", cell: ({ process }) => count(process.registryVersion) },
  { title: "Rules", cell: ({ process }) => <code>{process.rulesVersion}</code> },
];
