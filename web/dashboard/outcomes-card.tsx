/** How calls ended that were not simply answered: refusals and errors of the last minutes. */

import { count } from "../shared/format.ts";
import { routeTo } from "../shared/route.ts";
import { Card, Empty } from "../shared/ui.tsx";
import { Bars } from "./bars.tsx";
import { callOutcomeTexts } from "./outcome-texts.ts";

interface OutcomesCardProps {
  readonly outcomes: Readonly<Record<string, number>>;
}

export function OutcomesCard({ outcomes }: OutcomesCardProps) {
  const rows = Object.entries(outcomes)
    .flatMap(([name, calls]) => {
      const known = callOutcomeTexts[name];
      return known === undefined || known.tone === "good" ? [] : { name, calls, ...known };
    })
    .sort((a, b) => b.calls - a.calls);
  return (
    <Card
      title="Refusals and errors"
      note="last 10 minutes"
      actions={<a href={routeTo("/outcomes", { by: "outcome", span: "day" })}>Hours</a>}
    >
      {rows.length === 0 ? (
        <Empty title="None">Every call was answered.</Empty>
      ) : (
        <Bars
          label="Refusals and errors by kind"
          rows={rows.map(({ name, calls, text, tone }) => ({
            key: name,
            name: text,
            value: calls,
            text: count(calls),
            tone,
          }))}
        />
      )}
    </Card>
  );
}
