/** Journal, stream, ledger, registry: whether every call that was charged is, or will be, in the books. */

import { useState } from "preact/hooks";
import type { StatusJson, VerifyJson } from "../../src/control/status-schemas.ts";
import { api } from "../shared/api.ts";
import { ago, bytes, count } from "../shared/format.ts";
import { Badge, Button, Card, Empty, ErrorBox, Loading, Notice, Page } from "../shared/ui.tsx";
import { useLive } from "./live.ts";
import { ProcessTable } from "./process-table.tsx";
import { sum } from "./region-figures.ts";

export function System() {
  const live = useLive();
  if (live === undefined) {
    return (
      <Page title="System">
        <Loading />
      </Page>
    );
  }
  const { status } = live.moment;
  const processes = status.regions.flatMap(({ name, processes: all }) =>
    all.map((process) => ({ region: name, process })),
  );
  return (
    <Page title="System" note={`Cluster ${status.clusterId}`}>
      {status.warnings.map((warning) => (
        <Notice key={warning} kind="warn">
          {warning}
        </Notice>
      ))}
      <Card title="Gateways" note="journal and view of each process" flush>
        {processes.length === 0 ? (
          <Empty title="No gateway has come yet" />
        ) : (
          <ProcessTable processes={processes} />
        )}
      </Card>
      <div class="grid">
        <HubCard status={status} />
        <LeaseCard status={status} />
        <VerifyCard />
      </div>
    </Page>
  );
}

function HubCard({ status }: { readonly status: StatusJson }) {
  const nowMs = Date.parse(status.time);
  const { checkpoint, stream, backup, version } = status;
  const processes = status.regions.flatMap((region) => region.processes);
  const since = (at: string | null): string => (at === null ? "never" : ago(Date.parse(at), nowMs));
  return (
    <Card title="Hub">
      <dl class="facts">
        <dt>Version</dt>
        <dd class="num">
          epoch {count(version.epoch)}, position {count(version.position)}
        </dd>
        <dt>Stream</dt>
        <dd class="num">
          {bytes(stream.bytes)}, records {count(stream.first)} – {count(stream.last)}
        </dd>
        <dt>Checkpoint</dt>
        <dd class="num">
          {since(checkpoint.at)}, {count(Math.max(0, stream.last - checkpoint.position))} records
          behind
        </dd>
        <dt>Ledger</dt>
        <dd class="num">{bytes(status.ledgerBytes)}</dd>
        <dt>Live counters</dt>
        <dd class="num">{count(status.counters)}</dd>
        <dt>Keys</dt>
        <dd class="num">{count(status.registry.keys)}</dd>
        <dt>On the way</dt>
        <dd class="num">
          {count(sum(processes.map(({ unacknowledgedUnits }) => unacknowledgedUnits)))} units
        </dd>
        <dt>Backup</dt>
        <dd>{backup === null ? <Badge tone="warn">none yet</Badge> : since(backup.at)}</dd>
        <dt>Gaps</dt>
        <dd>{status.gaps.length === 0 ? "none" : count(status.gaps.length)}</dd>
        <dt>Declared lost</dt>
        <dd>{status.lost.length === 0 ? "nothing" : `${count(status.lost.length)} ranges`}</dd>
      </dl>
    </Card>
  );
}

function LeaseCard({ status }: { readonly status: StatusJson }) {
  const { leases } = status;
  return (
    <Card title="Leases" note="quota of strict limits handed out">
      <dl class="facts">
        <dt>Counters</dt>
        <dd class="num">{count(leases.counters)}</dd>
        <dt>Held</dt>
        <dd class="num">{count(leases.heldUnits)} units</dd>
        <dt>Used</dt>
        <dd class="num">{count(leases.consumedUnits)} units</dd>
        <dt>Held and unused</dt>
        <dd class="num">{count(leases.unusedUnits)} units</dd>
        <dt>Fence</dt>
        <dd>{leases.fencedUntil ?? "none"}</dd>
      </dl>
    </Card>
  );
}

/** Recomputes everything and asks every region: on a press of the button only. */
function VerifyCard() {
  const [report, setReport] = useState<VerifyJson>();
  const [error, setError] = useState<unknown>();
  const [isRunning, setRunning] = useState(false);
  const run = (): void => {
    setRunning(true);
    setError(undefined);
    api<VerifyJson>("/v1/verify", { method: "POST" })
      .then(setReport, setError)
      .finally(() => setRunning(false));
  };
  return (
    <Card
      title="Verify"
      actions={
        <Button onClick={run} disabled={isRunning}>
          {isRunning ? "Recomputing" : "Run"}
        </Button>
      }
    >
      {error !== undefined && <ErrorBox error={error} />}
      {report === undefined && error === undefined && (
        <p class="soft small">
          Recomputes every total from the stream and compares ledger, hub and all regions.
        </p>
      )}
      {report !== undefined && <VerifyResult report={report} />}
    </Card>
  );
}

function VerifyResult({ report }: { readonly report: VerifyJson }) {
  return (
    <div class="form" role="status">
      <p>
        {report.ok ? (
          <Badge tone="good">equal everywhere</Badge>
        ) : (
          <Badge tone="bad">differs</Badge>
        )}
      </p>
      <dl class="facts">
        <dt>Records</dt>
        <dd class="num">{count(report.records)}</dd>
        <dt>Counters</dt>
        <dd class="num">{count(report.counters)}</dd>
        <dt>Rows</dt>
        <dd class="num">{count(report.rows)}</dd>
        <dt>Differences</dt>
        <dd class="num">{count(report.differenceCount)}</dd>
        {report.regions.map(({ name, process, result }) => (
          <>
            <dt>
              {name}/{process}
            </dt>
            <dd>{result}</dd>
          </>
        ))}
      </dl>
    </div>
  );
}
