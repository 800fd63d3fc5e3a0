/** Each region: its state, its 90 days, and how fast it answers. */

import type { PublicRegion } from "../../src/status/public-status.ts";
import { milliseconds } from "../shared/format.ts";
import { Badge, Card, Empty } from "../shared/ui.tsx";
import { Strip } from "./strip.tsx";
import { momentText, share, stateText, stateTone } from "./words.ts";

export function RegionsCard({ regions }: { readonly regions: readonly PublicRegion[] }) {
  return (
    <Card title="Regions" note="90 days, seen from the other regions" flush>
      {regions.length === 0 && <Empty title="No regions" />}
      <ul class="regions">
        {regions.map((region) => (
          <li key={region.name} class="region">
            <Head region={region} />
            <Strip region={region} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Head({ region }: { readonly region: PublicRegion }) {
  const { name, state, since, availability, p50Ms, p95Ms } = region;
  return (
    <div class="region-head">
      <h3>{name}</h3>
      <Badge tone={stateTone[state]} dot>
        {stateText[state]}
      </Badge>
      {state !== "up" && since !== null && (
        <span class="small soft">{`since ${momentText(since)} UTC`}</span>
      )}
      <dl class="region-figures small">
        <Figure name="Available" value={share(availability)} />
        <Figure name="p50" value={p50Ms === null ? "–" : milliseconds(p50Ms)} />
        <Figure name="p95" value={p95Ms === null ? "–" : milliseconds(p95Ms)} />
      </dl>
    </div>
  );
}

function Figure({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt class="soft">{name}</dt>
      <dd class="num">{value}</dd>
    </div>
  );
}
