/** One's keys: made, named, restricted, rotated, revoked. */

import { useState } from "preact/hooks";
import type {
  BrandJson,
  PersonCreatedKeyJson,
  PersonKeyJson,
  PersonKeyListJson,
} from "../../src/control/portal/portal-schemas.ts";
import { instant } from "../shared/format.ts";
import { Icon } from "../shared/icon.tsx";
import { Badge, Button, Card, Empty, ErrorBox, Loading, Page } from "../shared/ui.tsx";
import { useApi } from "../shared/use-api.ts";
import { FirstCall } from "./first-call.tsx";
import { EditKeyDialog } from "./key-edit.tsx";
import { RevokeKeyDialog, RotateKeyDialog } from "./key-ends.tsx";
import { forgetSecret, keepSecret, knownSecrets } from "./secrets.ts";

type Open =
  | { readonly kind: "new" }
  | { readonly kind: "edit" | "rotate" | "revoke"; readonly key: PersonKeyJson };

export function Keys({ brand }: { readonly brand: BrandJson }) {
  const { data, error, reload } = useApi<PersonKeyListJson>("/portal/api/keys");
  const [open, setOpen] = useState<Open>();
  const [secret] = knownSecrets();
  const valid = data?.keys.filter((key) => stateOf(key) === "valid") ?? [];
  const others = data?.keys.filter((key) => stateOf(key) !== "valid") ?? [];
  const isFull = data !== undefined && valid.length >= data.keysMax;
  const done = (): void => {
    setOpen(undefined);
    reload();
  };
  const made = (created: PersonCreatedKeyJson): void => {
    keepSecret(created);
    done();
  };
  const revoked = (key: PersonKeyJson): void => {
    forgetSecret(key.id);
    done();
  };
  const close = (): void => setOpen(undefined);
  return (
    <Page
      title="Keys"
      note={data === undefined ? undefined : `${valid.length} of ${data.keysMax} that you can have`}
      actions={
        <Button
          kind="primary"
          disabled={data === undefined || isFull}
          onClick={() => setOpen({ kind: "new" })}
        >
          <Icon name="plus" />
          New key
        </Button>
      }
    >
      {secret !== undefined && <FirstCall key={secret.key} brand={brand} secret={secret} />}
      {error !== undefined && <ErrorBox error={error} onRetry={reload} />}
      {data === undefined && error === undefined && <Loading />}
      {data !== undefined && valid.length === 0 && (
        <Card title="Your keys">
          <Empty title="You have no key that works">
            <span>Make one: it works in every region at once.</span>
          </Empty>
        </Card>
      )}
      {valid.map((key) => (
        <KeyCard key={key.id} of={key} onOpen={(kind) => setOpen({ kind, key })} />
      ))}
      {others.length > 0 && (
        <details class="ended">
          <summary>Keys that do not work any more ({others.length})</summary>
          {others.map((key) => (
            <KeyCard key={key.id} of={key} />
          ))}
        </details>
      )}
      {open?.kind === "new" && <EditKeyDialog onClose={close} onMade={made} />}
      {open?.kind === "edit" && <EditKeyDialog of={open.key} onClose={close} onChanged={done} />}
      {open?.kind === "rotate" && <RotateKeyDialog of={open.key} onClose={close} onMade={made} />}
      {open?.kind === "revoke" && (
        <RevokeKeyDialog of={open.key} onClose={close} onRevoked={() => revoked(open.key)} />
      )}
    </Page>
  );
}

function stateOf({ revoked, expiresAt }: PersonKeyJson): "valid" | "revoked" | "expired" {
  if (revoked) return "revoked";
  return expiresAt !== null && Date.parse(expiresAt) <= Date.now() ? "expired" : "valid";
}

interface KeyCardProps {
  readonly of: PersonKeyJson;
  readonly onOpen?: (kind: "edit" | "rotate" | "revoke") => void;
}

function KeyCard({ of, onOpen }: KeyCardProps) {
  const state = stateOf(of);
  const name = of.name === "" ? of.id : of.name;
  const overlaps = of.credentials.filter(
    ({ expiresAt, revoked }) =>
      !revoked && expiresAt !== null && Date.parse(expiresAt) > Date.now(),
  );
  return (
    <Card
      title={name}
      note={of.name === "" ? undefined : <code>{of.id}</code>}
      actions={
        <Badge tone={state === "valid" ? "good" : "plain"} dot={state === "valid"}>
          {state}
        </Badge>
      }
    >
      <dl class="pairs">
        <div>
          <dt>Plan</dt>
          <dd>{of.plan}</dd>
        </div>
        <div>
          <dt>Made</dt>
          <dd class="num">{instant(of.createdAt)}</dd>
        </div>
        {of.expiresAt !== null && (
          <div>
            <dt>Expires</dt>
            <dd class="num">{instant(of.expiresAt)}</dd>
          </div>
        )}
        {overlaps.map(({ id, expiresAt }) => (
          <div key={id}>
            <dt>Older secret works until</dt>
            <dd class="num">{instant(expiresAt ?? "")}</dd>
          </div>
        ))}
        {restrictionsOf(of).map(({ what, values }) => (
          <div key={what}>
            <dt>{what}</dt>
            <dd>{values.join(", ")}</dd>
          </div>
        ))}
      </dl>
      {onOpen !== undefined && (
        <div class="key-actions">
          <Button onClick={() => onOpen("edit")} label={`Change ${name}`}>
            Change
          </Button>
          <Button onClick={() => onOpen("rotate")} label={`Rotate ${name}`}>
            Rotate
          </Button>
          <Button kind="danger" onClick={() => onOpen("revoke")} label={`Revoke ${name}`}>
            Revoke
          </Button>
        </div>
      )}
    </Card>
  );
}

function restrictionsOf({ restrict: { referers, addresses, routes } }: PersonKeyJson) {
  const all = [
    { what: "Only from pages of", values: referers },
    { what: "Only from addresses", values: addresses },
    { what: "Only for routes", values: routes },
  ];
  return all.filter(({ values }) => values.length > 0);
}
