/** Who is near a limit or over it, in windows that run. */

import type { NearLimitsJson } from "../../src/control/live-schemas.ts";
import { count, percent } from "../shared/format.ts";
import { routeTo } from "../shared/route.ts";
import { Card, Empty, ErrorBox, Loading } from "../shared/ui.tsx";
import { useApi } from "../shared/use-api.ts";
import { Bars } from "./bars.tsx";
import { type KeyName, useKeyNames } from "./key-names.ts";
import { subjectParts } from "./subject.ts";

const askEveryMs = 2_000;
const rowsShown = 8;

export function NearCard() {
  const { data, error, reload } = useApi<NearLimitsJson>("/v1/near-limits", askEveryMs);
  const names = useKeyNames(
    (data?.counters ?? []).slice(0, rowsShown).map(({ subject }) => subjectParts(subject).value),
  );
  const rest = data === undefined ? 0 : Math.max(0, data.counters.length - rowsShown) + data.more;
  return (
    <Card title="Near a limit" note="from 80 % of the quota">
      {error !== undefined && <ErrorBox error={error} onRetry={reload} />}
      {(data === undefined || data.at === null) && error === undefined && <Loading />}
      {data !== undefined && data.at !== null && data.counters.length === 0 && (
        <Empty title="Nobody">Every counter is below four fifths of its quota.</Empty>
      )}
      {data !== undefined && data.counters.length > 0 && (
        <Bars
          label="Counters near or over their quota"
          full={1}
          rows={data.counters.slice(0, rowsShown).map((counter) => ({
            key: `${counter.window} ${counter.subject} ${counter.plan} ${counter.limit}`,
            name: <Subject {...counter} names={names} />,
            value: counter.used / counter.quota,
            text: `${count(counter.used)} of ${count(counter.quota)} · ${percent(counter.used / counter.quota)}`,
            tone: counter.used >= counter.quota ? "bad" : "warn",
          }))}
        />
      )}
      {rest > 0 && <p class="card-foot">and {count(rest)} more</p>}
    </Card>
  );
}

type Counter = NearLimitsJson["counters"][number];

interface SubjectProps extends Counter {
  readonly names: ReadonlyMap<string, KeyName>;
}

function Subject({ subject, plan, limit, names }: SubjectProps) {
  const { dimension, value } = subjectParts(subject);
  const filter = dimension === "key" || dimension === "owner" || dimension === "ip";
  return (
    <>
      {filter ? (
        <a
          href={routeTo("/usage", { by: "route", window: "hour", span: "day", [dimension]: value })}
        >
          {names.get(value)?.name || value}
        </a>
      ) : (
        value
      )}{" "}
      <span class="soft">
        {plan} · {limit}
      </span>
    </>
  );
}
