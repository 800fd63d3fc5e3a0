/** What windows that closed came to beyond their quotas, beside what the measured lags allow. */

import type { StatusJson } from "../../src/control/status-schemas.ts";
import { count } from "../shared/format.ts";
import { type Column, Table } from "../shared/table.tsx";
import { Badge, Card, Empty } from "../shared/ui.tsx";

type Overshoot = StatusJson["overshoot"];
type Closed = Overshoot["closed"][number];

export function OvershootCard({ overshoot }: { readonly overshoot: Overshoot }) {
  const { closed, boundUnits, unnamed } = overshoot;
  return (
    <Card title="Overshoot" note={`bound now: ${count(boundUnits)} units a counter`} flush>
      {closed.length === 0 ? (
        <Empty title="No window has closed yet">
          Each limit’s newest closed window shows here.
        </Empty>
      ) : (
        <Table
          caption="Overshoot of the newest closed window of each limit"
          columns={columns}
          rows={closed}
          rowKey={({ plan, limit }) => `${plan}/${limit}`}
        />
      )}
      {unnamed > 0 && (
        <p class="card-foot">{count(unnamed)} counters could not be held against a plan.</p>
      )}
    </Card>
  );
}

const columns: readonly Column<Closed>[] = [
  { title: "Limit", isHeading: true, cell: ({ plan, limit }) => `${plan} · ${limit}` },
  { title: "Most of one", kind: "number", cell: ({ largestUnits }) => count(largestUnits) },
  { title: "Bound", kind: "number", cell: ({ boundUnits }) => count(boundUnits) },
  {
    title: "",
    cell: ({ largestUnits, boundUnits }) =>
      largestUnits > boundUnits ? (
        <Badge tone="bad">over</Badge>
      ) : (
        <Badge tone="good">within</Badge>
      ),
  },
  { title: "Counters over", kind: "number", cell: ({ counters }) => count(counters) },
  { title: "Units since start", kind: "number", cell: ({ unitsTotal }) => count(unitsTotal) },
];
