/** The rows of a usage view, page by page. */

import { useEffect, useState } from "preact/hooks";
import type { UsageJson } from "../../src/control/schemas.ts";
import { api } from "../shared/api.ts";
import { count, instant } from "../shared/format.ts";
import { routeTo } from "../shared/route.ts";
import { type Column, Table } from "../shared/table.tsx";
import { Button, Empty, ErrorBox, Loading } from "../shared/ui.tsx";
import { useApi } from "../shared/use-api.ts";
import { type UsageRow } from "./usage.tsx";
import { dimensionText, rowsPath, type UsageView, viewQuery } from "./usage-query.ts";

const pageRows = 100;
/** Rows on one page at most; who wants more takes the CSV. */
const rowsMax = 2_000;
const askEveryMs = 5_000;

export function UsageRows({ view }: { readonly view: UsageView }) {
  const path = rowsPath(view, { limit: pageRows });
  const first = useApi<UsageJson>(path, askEveryMs);
  const [more, setMore] = useState<readonly UsageRow[]>([]);
  const [next, setNext] = useState<string | null>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    setMore([]);
    setNext(undefined);
    setError(undefined);
  }, [path]);
  const cursor = next === undefined ? (first.data?.next ?? null) : next;
  const load = (): void => {
    if (cursor === null) return;
    api<UsageJson>(rowsPath(view, { limit: pageRows, cursor })).then((page) => {
      setMore((rows) => [...rows, ...page.rows]);
      setNext(page.next);
    }, setError);
  };
  const failure = first.error ?? error;
  if (failure !== undefined) {
    return (
      <div class="card-body">
        <ErrorBox error={failure} onRetry={first.reload} />
      </div>
    );
  }
  if (first.data === undefined) {
    return (
      <div class="card-body">
        <Loading />
      </div>
    );
  }
  const rows = [...first.data.rows, ...more];
  if (rows.length === 0) return <Empty title="No calls in this time" />;
  return (
    <>
      <Table
        caption="Usage"
        columns={columnsOf(view)}
        rows={rows}
        rowKey={(row) => `${row.window} ${row.value}`}
      />
      {cursor !== null && rows.length < rowsMax && (
        <p class="card-foot">
          <Button onClick={load}>More rows</Button>
        </p>
      )}
      {cursor !== null && rows.length >= rowsMax && (
        <p class="card-foot">{count(rowsMax)} rows are shown; the CSV has them all.</p>
      )}
    </>
  );
}

function columnsOf(view: UsageView): readonly Column<UsageRow>[] {
  const { by, window } = view;
  const when: readonly Column<UsageRow>[] =
    window === "total"
      ? []
      : [{ title: "From (UTC)", cell: (row) => <span class="num">{instant(row.window)}</span> }];
  return [
    ...when,
    {
      title: dimensionText[by],
      kind: "wide",
      isHeading: true,
      cell: (row) => <Value view={view} row={row} />,
    },
    { title: "Calls", kind: "number", cell: (row) => count(row.calls) },
    { title: "Units", kind: "number", cell: (row) => count(row.units) },
    { title: "Refunded calls", kind: "number", cell: (row) => count(row.refundedCalls) },
    { title: "Refunded units", kind: "number", cell: (row) => count(row.refundedUnits) },
    { title: "Net units", kind: "number", cell: (row) => count(row.units - row.refundedUnits) },
  ];
}

/** Leads to the hours of this value alone; a key's to the key. */
function Value({ view, row }: { readonly view: UsageView; readonly row: UsageRow }) {
  const { by } = view;
  if (row.value === "") return <span class="soft">none</span>;
  if (by === "key" && row.value.startsWith("k_")) {
    return <a href={routeTo(`/keys/${row.value}`)}>{row.value}</a>;
  }
  const query = { ...viewQuery(view), window: "hour", [by]: row.value };
  return <a href={routeTo("/usage", query)}>{row.value}</a>;
}
