/** Usage from the ledger: bars over time, and the rows behind them. Exact. */

import type { UsageJson } from "../../src/control/schemas.ts";
import { Icon } from "../shared/icon.tsx";
import { routeTo } from "../shared/route.ts";
import { Segments } from "../shared/segments.tsx";
import { Button, Card, Page, SelectField } from "../shared/ui.tsx";
import { useLive } from "./live.ts";
import { spans, spanText } from "./time-span.ts";
import { UsageChart } from "./usage-chart.tsx";
import { FilterForm } from "./usage-filter.tsx";
import {
  type Dimension,
  dimensions,
  dimensionText,
  dimensionTitle,
  documentPath,
  readView,
  type UsageView,
  viewQuery,
  windows,
  windowText,
} from "./usage-query.ts";
import { UsageRows } from "./usage-rows.tsx";

export type UsageRow = UsageJson["rows"][number];

export function Usage({ query }: { readonly query: Readonly<Record<string, string>> }) {
  const live = useLive();
  const nowMs = live === undefined ? Date.now() : Date.parse(live.moment.status.time);
  const view = readView(query, nowMs);
  const show = (change: Partial<UsageView>): void => {
    location.hash = hashOf({ ...view, ...change });
  };
  return (
    <Page
      title="Usage"
      note="Exact, from the ledger. Hours are UTC."
      actions={
        <div class="form-end">
          <a class="button" href={documentPath(view, "csv")} download>
            <Icon name="download" /> CSV
          </a>
          <a class="button" href={documentPath(view, "jsonl")} download>
            <Icon name="download" /> JSON lines
          </a>
        </div>
      }
    >
      <Filters view={view} show={show} />
      <UsageChart view={view} onPick={(time) => show({ span: undefined, time, window: "hour" })} />
      <Card
        title={dimensionTitle[view.by]}
        note="highest first"
        flush
        actions={
          <Segments
            label="Rows are"
            options={windows.map((value) => ({ value, text: windowText[value] }))}
            value={view.window}
            onChange={(window) => show({ window })}
          />
        }
      >
        <UsageRows view={view} />
      </Card>
    </Page>
  );
}

export function hashOf(view: UsageView): string {
  const query = new URLSearchParams(viewQuery(view));
  return `${routeTo("/usage")}?${query}`;
}

interface FiltersProps {
  readonly view: UsageView;
  readonly show: (change: Partial<UsageView>) => void;
}

function Filters({ view, show }: FiltersProps) {
  const own = { value: "own", text: ownText(view) } as const;
  const spanOptions = spans.map((value) => ({ value, text: spanText[value] }));
  const without = (dimension: Dimension): void => {
    const filters = { ...view.filters };
    delete filters[dimension];
    show({ filters });
  };
  return (
    <div class="filters">
      <SelectField
        label="By"
        value={view.by}
        options={dimensions.map((value) => ({ value, text: dimensionText[value] }))}
        onChange={(by) => show({ by: by as Dimension })}
      />
      <SelectField
        label="Time"
        value={view.span ?? "own"}
        options={view.span === undefined ? [own, ...spanOptions] : spanOptions}
        onChange={(value) => {
          location.hash = routeTo("/usage", {
            ...viewQuery(view),
            from: undefined,
            to: undefined,
            span: value,
          });
        }}
      />
      <FilterForm
        onAdd={(dimension, value) => show({ filters: { ...view.filters, [dimension]: value } })}
      />
      {Object.entries(view.filters).length > 0 && (
        <ul class="chips" aria-label="Only these">
          {dimensions.flatMap((dimension) => {
            const value = view.filters[dimension];
            if (value === undefined) return [];
            return (
              <li key={dimension} class="chip">
                <span class="soft">{dimensionText[dimension]}</span>
                <span class="chip-value">{value === "" ? "none" : value}</span>
                <Button
                  kind="quiet"
                  label={`No longer only this ${dimensionText[dimension]}`}
                  onClick={() => without(dimension)}
                >
                  <Icon name="close" />
                </Button>
              </li>
            );
          })}
        </ul>
      )}
    </div>
  );
}

function ownText({ time }: UsageView): string {
  const text = (ms: number): string => new Date(ms).toISOString().slice(5, 16).replace("T", " ");
  return `${text(time.fromMs)} – ${text(time.toMs)}`;
}
