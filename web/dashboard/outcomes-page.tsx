/** How calls ended, by the hour: the rows behind rates, refusals and errors. */

import { useMemo } from "preact/hooks";
import type { OutcomesJson } from "../../src/control/outcome-routes.ts";
import { Chart, type Series } from "../shared/chart.tsx";
import { bytes, count, instant, milliseconds } from "../shared/format.ts";
import { Icon } from "../shared/icon.tsx";
import { Segments } from "../shared/segments.tsx";
import { type Column, Table } from "../shared/table.tsx";
import { Button, Card, Empty, ErrorBox, Loading, Page, SelectField } from "../shared/ui.tsx";
import { useApi } from "../shared/use-api.ts";
import { type RateKind, rateKinds } from "./history.ts";
import { useLive } from "./live.ts";
import {
  type OutcomeDimension,
  type OutcomeView,
  outcomeDimensions,
  outcomeDimensionText,
  outcomeHash,
  outcomesPath,
  readOutcomeView,
} from "./outcome-query.ts";
import { kindOfOutcome, outcomeName } from "./outcome-texts.ts";
import { hourMs, isSpan, spanOf, spans, spanText, windowsIn } from "./time-span.ts";

const askEveryMs = 5_000;
const rowsMax = 500;

type OutcomeRow = OutcomesJson["rows"][number];

export function OutcomesPage({ query }: { readonly query: Readonly<Record<string, string>> }) {
  const live = useLive();
  const nowMs = live === undefined ? Date.now() : Date.parse(live.moment.status.time);
  const view = readOutcomeView(query, nowMs);
  const show = (change: Partial<OutcomeView>): void => {
    location.hash = outcomeHash({ ...view, ...change });
  };
  return (
    <Page
      title="Outcomes"
      note="How calls ended, refused ones included, as gateways saw it. Hours are UTC."
    >
      <Filters view={view} show={show} nowMs={nowMs} />
      <OutcomesChart view={view} show={show} />
      <Card
        title="Rows"
        note="most calls first"
        flush
        actions={
          <Segments
            label="Rows are"
            options={[
              { value: "hour", text: "Hours" },
              { value: "day", text: "Days" },
              { value: "total", text: "Sum" },
            ]}
            value={view.window}
            onChange={(window) => show({ window })}
          />
        }
      >
        <Rows view={view} />
      </Card>
    </Page>
  );
}

interface ViewProps {
  readonly view: OutcomeView;
  readonly show: (change: Partial<OutcomeView>) => void;
}

function Filters({ view, show, nowMs }: ViewProps & { readonly nowMs: number }) {
  const options = spans.map((value) => ({ value: value as string, text: spanText[value] }));
  const own = { value: "own", text: `${instant(view.time.fromMs)} on` };
  const without = (dimension: OutcomeDimension): void => {
    const filters = { ...view.filters };
    delete filters[dimension];
    show({ filters });
  };
  return (
    <div class="filters">
      <SelectField
        label="By"
        value={view.by}
        options={outcomeDimensions.map((value) => ({ value, text: outcomeDimensionText[value] }))}
        onChange={(by) => show({ by: by as OutcomeDimension })}
      />
      <SelectField
        label="Time"
        value={view.span ?? "own"}
        options={view.span === undefined ? [own, ...options] : options}
        onChange={(span) => {
          if (isSpan(span)) show({ span, time: spanOf(span, nowMs) });
        }}
      />
      {Object.keys(view.filters).length > 0 && (
        <ul class="chips" aria-label="Only these">
          {outcomeDimensions.flatMap((dimension) => {
            const value = view.filters[dimension];
            if (value === undefined) return [];
            return (
              <li key={dimension} class="chip">
                <span class="soft">{outcomeDimensionText[dimension]}</span>
                <span class="chip-value">
                  {dimension === "outcome" ? outcomeName(value) : value}
                </span>
                <Button
                  kind="quiet"
                  label={`No longer only this ${outcomeDimensionText[dimension]}`}
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

const kinds: Readonly<Record<RateKind, { readonly name: string; readonly color: 1 | 2 | 4 | 6 }>> =
  {
    answered: { name: "Answered", color: 1 },
    limited: { name: "Over a limit", color: 2 },
    refused: { name: "Refused", color: 6 },
    failed: { name: "Failed", color: 4 },
  };

function OutcomesChart({ view, show }: ViewProps) {
  const { fromMs, toMs } = view.time;
  const window = toMs - fromMs <= 7 * 24 * hourMs ? "hour" : "day";
  const path = outcomesPath(view, { by: "outcome", window, limit: 10_000 });
  const { data, error, reload } = useApi<OutcomesJson>(path, askEveryMs);
  const times = useMemo(() => windowsIn({ fromMs, toMs }, window), [fromMs, toMs, window]);
  const series = useMemo(() => seriesOf(data?.rows ?? [], times), [data, times]);
  const stepMs = window === "hour" ? hourMs : 24 * hourMs;
  return (
    <Card title={window === "hour" ? "Calls an hour" : "Calls a day"}>
      {error !== undefined && <ErrorBox error={error} onRetry={reload} />}
      {data === undefined && error === undefined && <Loading />}
      {data !== undefined && (
        <Chart
          label={`Calls each ${window}, by how they ended`}
          times={times}
          series={series}
          kind="bars"
          stacked
          format={count}
          formatAxis={(ms) =>
            instant(ms).slice(...(window === "hour" && times.length <= 48 ? [11] : [5, 10]))
          }
          onPick={(ms) =>
            show({ span: undefined, time: { fromMs: ms, toMs: ms + stepMs }, window: "hour" })
          }
        />
      )}
    </Card>
  );
}

function seriesOf(rows: readonly OutcomeRow[], times: readonly number[]): Series[] {
  const places = new Map(times.map((ms, at) => [ms, at]));
  return rateKinds.map((kind) => {
    const values = times.map(() => 0);
    for (const { window, value, calls } of rows) {
      const at = places.get(Date.parse(window));
      if (at !== undefined && kindOfOutcome(value) === kind) values[at] = (values[at] ?? 0) + calls;
    }
    return { ...kinds[kind], values };
  });
}

function Rows({ view }: { readonly view: OutcomeView }) {
  const path = outcomesPath(view, { by: view.by, window: view.window, limit: rowsMax });
  const { data, error, reload } = useApi<OutcomesJson>(path, askEveryMs);
  if (data === undefined) {
    return (
      <div class="card-body">
        {error === undefined ? <Loading /> : <ErrorBox error={error} onRetry={reload} />}
      </div>
    );
  }
  if (data.rows.length === 0) return <Empty title="No calls in this time" />;
  return (
    <>
      <Table
        caption="Outcomes"
        columns={columnsOf(view)}
        rows={data.rows}
        rowKey={(row) => `${row.window} ${row.value}`}
      />
      {data.more && <p class="card-foot">The first {count(rowsMax)} rows are shown.</p>}
    </>
  );
}

function columnsOf(view: OutcomeView): readonly Column<OutcomeRow>[] {
  const when: readonly Column<OutcomeRow>[] =
    view.window === "total"
      ? []
      : [{ title: "From (UTC)", cell: (row) => <span class="num">{instant(row.window)}</span> }];
  return [
    ...when,
    {
      title: outcomeDimensionText[view.by],
      kind: "wide",
      isHeading: true,
      cell: ({ value }) => (
        <a href={outcomeHash({ ...view, filters: { ...view.filters, [view.by]: value } })}>
          {value === "" ? "none" : view.by === "outcome" ? outcomeName(value) : value}
        </a>
      ),
    },
    { title: "Calls", kind: "number", cell: (row) => count(row.calls) },
    { title: "Bytes sent", kind: "number", cell: (row) => bytes(row.bytes) },
    {
      title: "Mean time",
      kind: "number",
      cell: (row) => milliseconds(row.calls === 0 ? 0 : row.timeMs / row.calls),
    },
  ];
}
