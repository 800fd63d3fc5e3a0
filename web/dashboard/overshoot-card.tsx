/** What windows that closed came to beyond their quotas, beside what the measured lags allow. */

import type { StatusJson } from "../../src/control/status-schemas.ts";
import { count } from "../shared/format.ts";
import { Card, Empty } from "../shared/ui.tsx";
import { Bars } from "./bars.tsx";

type Overshoot = StatusJson["overshoot"];

export function OvershootCard({ overshoot }: { readonly overshoot: Overshoot }) {
  const { closed, boundUnits, unnamed } = overshoot;
  return (
    <Card title="Overshoot" note={`bound now ${count(boundUnits)}`}>
      {closed.length === 0 ? (
        <Empty title="No window has closed yet">
          Each limit’s newest closed window shows here.
        </Empty>
      ) : (
        <Bars
          label="Units beyond the quota of one counter, against the bound"
          full={1}
          rows={closed.map(({ plan, limit, largestUnits, boundUnits: bound, unitsTotal }) => ({
            key: `${plan}/${limit}`,
            name: (
              <>
                {plan} · {limit}
                {unitsTotal > 0 && <span class="soft"> {count(unitsTotal)} since the start</span>}
              </>
            ),
            value: largestUnits / Math.max(1, bound),
            text: `${count(largestUnits)} of at most ${count(bound)}`,
            tone: largestUnits > bound ? "bad" : "good",
          }))}
        />
      )}
      <p class="card-foot">
        Most units that one counter held beyond its quota, in each limit’s newest closed window.
        {unnamed > 0 && ` ${count(unnamed)} counters could not be held against a plan.`}
      </p>
    </Card>
  );
}
