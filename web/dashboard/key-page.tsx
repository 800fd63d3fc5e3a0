/** One key: what it is, what it used, and what can be done with it. */

import { useState } from "preact/hooks";
import type { CreatedKeyJson, KeyJson } from "../../src/control/schemas.ts";
import { instant } from "../shared/format.ts";
import { routeTo } from "../shared/route.ts";
import { type Column, Table } from "../shared/table.tsx";
import { Badge, Button, Card, ErrorBox, Loading, Page } from "../shared/ui.tsx";
import { useApi } from "../shared/use-api.ts";
import { ChangeKeyDialog, RevokeKeyDialog, RotateKeyDialog } from "./key-dialogs.tsx";
import { KeyState } from "./keys.tsx";
import { useLive } from "./live.ts";
import { SecretDialog } from "./secret-dialog.tsx";
import { hashOf } from "./usage.tsx";
import { UsageChart } from "./usage-chart.tsx";
import { readView } from "./usage-query.ts";

interface KeyPageProps {
  readonly id: string;
  readonly canChange: boolean;
}

type Open = "change" | "rotate" | "revoke" | undefined;

export function KeyPage({ id, canChange }: KeyPageProps) {
  const { data: key, error, reload } = useApi<KeyJson>(`/v1/keys/${encodeURIComponent(id)}`);
  const [open, setOpen] = useState<Open>();
  const [made, setMade] = useState<CreatedKeyJson>();
  const close = (): void => setOpen(undefined);
  const done = (): void => {
    close();
    reload();
  };
  if (key === undefined) {
    return (
      <Page title="Key">
        {error === undefined ? <Loading /> : <ErrorBox error={error} onRetry={reload} />}
      </Page>
    );
  }
  const actions = canChange && !key.revoked && (
    <div class="form-end">
      <Button onClick={() => setOpen("change")}>Change</Button>
      <Button onClick={() => setOpen("rotate")}>Rotate</Button>
      <Button kind="danger" onClick={() => setOpen("revoke")}>
        Revoke
      </Button>
    </div>
  );
  return (
    <Page
      title={key.name === "" ? key.id : key.name}
      note={<a href={routeTo("/keys")}>All keys</a>}
      actions={actions}
    >
      <KeyUsage id={key.id} />
      <div class="grid">
        <KeyFacts of={key} />
        <Card title="Secrets" flush>
          <Table
            caption="Secrets"
            columns={credentialColumns}
            rows={key.credentials}
            rowKey={(credential) => credential.id}
          />
        </Card>
      </div>
      {open === "change" && <ChangeKeyDialog of={key} onClose={close} onDone={done} />}
      {open === "revoke" && <RevokeKeyDialog of={key} onClose={close} onDone={done} />}
      {open === "rotate" && (
        <RotateKeyDialog
          of={key}
          onClose={close}
          onMade={(created) => {
            done();
            setMade(created);
          }}
        />
      )}
      {made !== undefined && <SecretDialog created={made} onClose={() => setMade(undefined)} />}
    </Page>
  );
}

function KeyUsage({ id }: { readonly id: string }) {
  const live = useLive();
  const nowMs = live === undefined ? Date.now() : Date.parse(live.moment.status.time);
  const view = readView({ by: "region", window: "hour", span: "7d", key: id }, nowMs);
  return (
    <UsageChart
      view={view}
      onPick={(time) => {
        location.hash = hashOf({ ...view, by: "route", span: undefined, time });
      }}
    />
  );
}

function KeyFacts({ of: key }: { readonly of: KeyJson }) {
  const { referers, addresses, routes } = key.restrict;
  return (
    <Card title="Key">
      <dl class="facts">
        <dt>State</dt>
        <dd>
          <KeyState of={key} />
        </dd>
        <dt>Id</dt>
        <dd>
          <code>{key.id}</code>
        </dd>
        <dt>Plan</dt>
        <dd>{key.plan}</dd>
        <dt>Owner</dt>
        <dd>
          {key.owner === "" ? (
            <span class="soft">none</span>
          ) : (
            <a href={routeTo("/keys", { owner: key.owner })}>{key.owner}</a>
          )}
        </dd>
        <dt>Made</dt>
        <dd class="num">{instant(key.createdAt)}</dd>
        <dt>Expires</dt>
        <dd class="num">{key.expiresAt === null ? "never" : instant(key.expiresAt)}</dd>
        <dt>Referers</dt>
        <dd>{listed(referers)}</dd>
        <dt>Addresses</dt>
        <dd>{listed(addresses)}</dd>
        <dt>Routes</dt>
        <dd>{listed(routes)}</dd>
      </dl>
    </Card>
  );
}

function listed(values: readonly string[]): string {
  return values.length === 0 ? "any" : values.join(", ");
}

type Credential = KeyJson["credentials"][number];

const credentialColumns: readonly Column<Credential>[] = [
  { title: "Id", isHeading: true, cell: ({ id }) => <code>{id}</code> },
  { title: "Made (UTC)", cell: ({ createdAt }) => <span class="num">{instant(createdAt)}</span> },
  {
    title: "Until (UTC)",
    cell: ({ expiresAt, revoked }) => {
      if (revoked) return <Badge tone="bad">revoked</Badge>;
      return expiresAt === null ? (
        <span class="soft">–</span>
      ) : (
        <span class="num">{instant(expiresAt)}</span>
      );
    },
  },
];
