/** What happened, and who changed what: events and the audit log, newest first. */

import { useState } from "preact/hooks";
import type { EventListJson } from "../../src/control/cluster-schemas.ts";
import type { AuditListJson } from "../../src/control/token-schemas.ts";
import { instant } from "../shared/format.ts";
import { Segments } from "../shared/segments.tsx";
import { type Column, Table } from "../shared/table.tsx";
import { Badge, Button, Card, Empty, ErrorBox, Loading, Page, type Tone } from "../shared/ui.tsx";
import { useApi } from "../shared/use-api.ts";

const askEveryMs = 2_000;
const pageRows = 50;

const views = [
  { value: "events", text: "Events" },
  { value: "audit", text: "Changes" },
] as const;

type View = (typeof views)[number]["value"];

export function Events() {
  const [view, setView] = useState<View>("events");
  return (
    <Page
      title="Events"
      note="Times are UTC."
      actions={<Segments label="Show" options={views} value={view} onChange={setView} />}
    >
      {view === "events" ? <EventRows /> : <AuditRows />}
    </Page>
  );
}

type EventRow = EventListJson["events"][number];
type AuditRow = AuditListJson["entries"][number];

/** The newest page is asked for again and again; an older one stays as it is. */
function usePages<T>(path: string) {
  const [before, setBefore] = useState<number>();
  const at = before === undefined ? "" : `&before=${before}`;
  const loaded = useApi<T>(
    `${path}?limit=${pageRows}${at}`,
    before === undefined ? askEveryMs : undefined,
  );
  return { ...loaded, before, setBefore };
}

function EventRows() {
  const pages = usePages<EventListJson>("/v1/events");
  const { data, error, reload } = pages;
  return (
    <>
      <Card title="Events" flush>
        {error !== undefined && <ErrorBox error={error} onRetry={reload} />}
        {data === undefined && error === undefined && <Waiting />}
        {data?.events.length === 0 && <Empty title="Nothing yet" />}
        {data !== undefined && data.events.length > 0 && (
          <Table
            caption="Events"
            columns={eventColumns}
            rows={data.events}
            rowKey={({ seq }) => String(seq)}
          />
        )}
      </Card>
      <Pager {...pages} next={data?.next} />
    </>
  );
}

function AuditRows() {
  const pages = usePages<AuditListJson>("/v1/audit");
  const { data, error, reload } = pages;
  return (
    <>
      <Card title="Changes" note="chained by hash: none can be taken out unseen" flush>
        {error !== undefined && <ErrorBox error={error} onRetry={reload} />}
        {data === undefined && error === undefined && <Waiting />}
        {data?.entries.length === 0 && <Empty title="Nothing yet" />}
        {data !== undefined && data.entries.length > 0 && (
          <Table
            caption="Changes"
            columns={auditColumns}
            rows={data.entries}
            rowKey={({ seq }) => String(seq)}
          />
        )}
      </Card>
      <Pager {...pages} next={data?.next} />
    </>
  );
}

function Waiting() {
  return (
    <div class="card-body">
      <Loading />
    </div>
  );
}

interface PagerProps {
  readonly before: number | undefined;
  readonly setBefore: (before: number | undefined) => void;
  readonly next: number | null | undefined;
}

function Pager({ before, setBefore, next }: PagerProps) {
  return (
    <div class="pager">
      {before !== undefined && <Button onClick={() => setBefore(undefined)}>Newest</Button>}
      {typeof next === "number" && <Button onClick={() => setBefore(next)}>Older</Button>}
    </div>
  );
}

const eventTones: Readonly<Record<string, Tone>> = { up: "good", degraded: "warn", down: "bad" };

const eventColumns: readonly Column<EventRow>[] = [
  { title: "At", cell: ({ at }) => <span class="num">{instant(at)}</span> },
  { title: "Kind", cell: ({ kind }) => kind },
  { title: "Of", cell: ({ subject }) => (subject === "" ? "hub" : subject) },
  {
    title: "What",
    kind: "wide",
    cell: ({ kind, detail }) =>
      kind === "region" ? <Badge tone={eventTones[detail] ?? "plain"}>{detail}</Badge> : detail,
  },
];

const auditColumns: readonly Column<AuditRow>[] = [
  { title: "At", cell: ({ at }) => <span class="num">{instant(at)}</span> },
  { title: "By", cell: ({ actor }) => <code>{actor}</code> },
  { title: "Did", cell: ({ action }) => action },
  { title: "To", cell: ({ target }) => <code>{target}</code> },
  { title: "With", kind: "wide", cell: ({ change }) => <code>{change}</code> },
];
