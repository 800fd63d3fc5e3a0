/** The first thing an operator sees: is all well, where is the traffic, who makes it. */

import type { ComponentChildren } from "preact";
import type { LiveMomentJson } from "../../src/control/live-schemas.ts";
import { brief, milliseconds, percent, rate } from "../shared/format.ts";
import { Card, Loading, Notice, Page, type Tone } from "../shared/ui.tsx";
import { rateKinds, total } from "./history.ts";
import { type Live, useLive } from "./live.ts";
import { NearCard } from "./near-card.tsx";
import { OutcomesCard } from "./outcomes-card.tsx";
import { OvershootCard } from "./overshoot-card.tsx";
import { RatesCard } from "./rates-card.tsx";
import { overheadOf, worst } from "./region-figures.ts";
import { RegionMap } from "./region-map.tsx";
import { RegionTable } from "./region-table.tsx";
import { TopCard } from "./top-card.tsx";

interface OverviewProps {
  readonly query: Readonly<Record<string, string>>;
}

export function Overview({ query }: OverviewProps) {
  const live = useLive();
  if (live === undefined) {
    return (
      <Page title="Overview">
        <Loading label="Waiting for the hub" />
      </Page>
    );
  }
  const { status, rates } = live.moment;
  return (
    <Page title="Overview">
      {status.warnings.map((warning) => (
        <Notice key={warning} kind="warn">
          {sentence(warning)}
        </Notice>
      ))}
      <Figures live={live} />
      <div class="overview">
        <Card title="Regions" flush class="span-wide">
          <div class="map-holder">
            <RegionMap regions={status.regions} rates={rates} />
          </div>
          <RegionTable regions={status.regions} rates={rates} />
        </Card>
        <RatesCard history={live.history} />
        <OutcomesCard outcomes={live.moment.outcomes} />
        <TopCard query={query} />
        <NearCard />
        <OvershootCard overshoot={status.overshoot} />
      </div>
    </Page>
  );
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** The line of figures: one look tells whether to look closer. */
function Figures({ live }: { readonly live: Live }) {
  const { status, rates } = live.moment;
  const sums = sumsOf(rates);
  const up = status.regions.filter(({ health }) => health === "up").length;
  const all = status.regions.length;
  const processes = status.regions.flatMap((region) => region.processes);
  const overhead = worst(processes.map(overheadOf));
  const keyLag = worst(processes.map(({ keyLagMs }) => keyLagMs ?? undefined));
  const lag = worst(processes.map(({ lagP99Ms }) => lagP99Ms));
  const share = (part: number): number => (sums.all === 0 ? 0 : part / sums.all);
  return (
    <dl class="figures">
      <Figure
        name="Calls a second"
        value={rate(sums.all)}
        note={`${percent(share(sums.answered))} answered`}
      />
      <Figure
        name="Over a limit"
        value={`${rate(sums.limited)}/s`}
        note={`${percent(share(sums.limited))} of calls`}
      />
      <Figure
        name="Failed"
        value={`${rate(sums.failed)}/s`}
        tone={share(sums.failed) > 0.01 ? "bad" : "plain"}
        note={`${percent(share(sums.failed))} of calls`}
      />
      <Figure
        name="Regions up"
        value={`${up} of ${all}`}
        tone={up === all ? "plain" : "bad"}
        note={`${brief(status.registry.keys)} keys`}
      />
      <Figure
        name="Latency added"
        value={overhead === undefined ? "–" : milliseconds(overhead)}
        note="p99, slowest region"
      />
      <Figure
        name="View lag"
        value={lag === undefined ? "–" : milliseconds(lag)}
        note="p99, slowest region"
      />
      <Figure
        name="Key propagation"
        value={keyLag === undefined ? "–" : milliseconds(keyLag)}
        note={keyLag === undefined ? "no change since the start" : "the newest change"}
      />
    </dl>
  );
}

function sumsOf(rates: LiveMomentJson["rates"]) {
  const sums = { answered: 0, limited: 0, refused: 0, failed: 0, all: 0 };
  for (const region of Object.values(rates)) {
    for (const kind of rateKinds) sums[kind] += region[kind];
    sums.all += total(region);
  }
  return sums;
}

interface FigureProps {
  readonly name: string;
  readonly value: ComponentChildren;
  readonly note: string;
  readonly tone?: Tone;
}

function Figure({ name, value, note, tone = "plain" }: FigureProps) {
  return (
    <div class={`figure ${tone}`}>
      <dt>{name}</dt>
      <dd class="figure-value">{value}</dd>
      <dd class="figure-note">{note}</dd>
    </div>
  );
}
