/** One region: its traffic of the last minutes and its processes. */

import { useMemo } from "preact/hooks";
import { Chart } from "../shared/chart.tsx";
import { rate } from "../shared/format.ts";
import { routeTo } from "../shared/route.ts";
import { Card, Empty, Loading, Page } from "../shared/ui.tsx";
import { useLive } from "./live.ts";
import { ProcessTable } from "./process-table.tsx";
import { HealthBadge } from "./region-table.tsx";

export function RegionPage({ name }: { readonly name: string }) {
  const live = useLive();
  const history = live?.history;
  const series = useMemo(() => {
    const own = history?.regions[name];
    const none = history?.times.map(() => 0) ?? [];
    return [
      { name: "Answered", values: own?.answered ?? none, color: 1 },
      { name: "Over a limit", values: own?.limited ?? none, color: 2 },
      { name: "Refused", values: own?.refused ?? none, color: 6 },
      { name: "Failed", values: own?.failed ?? none, color: 4 },
    ] as const;
  }, [history, name]);
  if (live === undefined) {
    return (
      <Page title={name}>
        <Loading />
      </Page>
    );
  }
  const region = live.moment.status.regions.find((one) => one.name === name);
  if (region === undefined) {
    return (
      <Page title={name}>
        <Empty title="There is no such region" />
      </Page>
    );
  }
  return (
    <Page
      title={name}
      note={region.listen}
      actions={
        <div class="form-end">
          <HealthBadge health={region.health} />
          <a
            class="button"
            href={routeTo("/usage", { by: "route", window: "hour", span: "day", region: name })}
          >
            Hourly rows
          </a>
        </div>
      }
    >
      <Card title="Calls a second" note="last 10 minutes">
        <Chart
          label={`Calls a second in ${name} over the last ten minutes, by outcome`}
          times={live.history.times}
          series={series}
          stacked
          format={rate}
          formatTime={(ms) => new Date(ms).toLocaleTimeString("en-GB")}
        />
      </Card>
      <Card title="Processes" flush>
        <ProcessTable processes={region.processes.map((process) => ({ region: name, process }))} />
      </Card>
    </Page>
  );
}
