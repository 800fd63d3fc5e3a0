/** Plans and their limits, as the configuration in force has them, and who is on them. */

import type { PlanListJson, UsageJson } from "../../src/control/schemas.ts";
import { count } from "../shared/format.ts";
import { routeTo, withQuery } from "../shared/route.ts";
import { type Column, Table } from "../shared/table.tsx";
import { Badge, Card, Empty, ErrorBox, Loading, Page } from "../shared/ui.tsx";
import { useApi } from "../shared/use-api.ts";
import { useLive } from "./live.ts";
import { spanOf } from "./time-span.ts";

type Plan = PlanListJson["plans"][number];
type Limit = Plan["limits"][number];

const askEveryMs = 10_000;

export function Plans({ canChange }: { readonly canChange: boolean }) {
  const { data, error, reload } = useApi<PlanListJson>("/v1/plans", askEveryMs);
  const live = useLive();
  const nowMs = live === undefined ? Date.now() : Date.parse(live.moment.status.time);
  const { fromMs, toMs } = spanOf("month", nowMs);
  const usage = useApi<UsageJson>(
    withQuery("/v1/usage", {
      by: "plan",
      window: "total",
      from: new Date(fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
    }),
    askEveryMs,
  );
  const used = new Map(
    usage.data?.rows.map(({ value, units, refundedUnits }) => [value, units - refundedUnits]),
  );
  return (
    <Page
      title="Plans"
      actions={
        <a class="button" href={routeTo("/config")}>
          {canChange ? "Change the configuration" : "Configuration"}
        </a>
      }
      note="From the configuration. A change of it takes effect without a restart."
    >
      {error !== undefined && <ErrorBox error={error} onRetry={reload} />}
      {data === undefined && error === undefined && <Loading />}
      {data?.plans.length === 0 && <Empty title="No plans" />}
      {data?.plans.map((plan) => (
        <Card
          key={plan.name}
          title={plan.name}
          note={
            <a
              href={routeTo("/usage", { by: "key", window: "day", span: "month", plan: plan.name })}
            >
              {count(used.get(plan.name) ?? 0)} units this month
            </a>
          }
          actions={plan.anonymous ? <Badge>without a key</Badge> : undefined}
          flush
          class="even"
        >
          {plan.limits.length === 0 ? (
            <Empty title="No limits" />
          ) : (
            <Table
              caption={`Limits of ${plan.name}`}
              columns={columns}
              rows={plan.limits}
              rowKey={({ name }) => name}
            />
          )}
        </Card>
      ))}
    </Page>
  );
}

const enforcementTones = { soft: "plain", strict: "good", shadow: "warn" } as const;

const columns: readonly Column<Limit>[] = [
  { title: "Limit", isHeading: true, cell: ({ name }) => name },
  { title: "Quota", kind: "number", cell: ({ quota }) => count(quota) },
  { title: "Window", cell: ({ window }) => window },
  { title: "Per", cell: ({ per }) => per },
  { title: "Counts", cell: ({ scope }) => (scope === "global" ? "all regions" : "each region") },
  {
    title: "Enforcement",
    cell: ({ enforcement }) => <Badge tone={enforcementTones[enforcement]}>{enforcement}</Badge>,
  },
  { title: "If it cannot be known", cell: ({ onFailure }) => onFailure },
];
