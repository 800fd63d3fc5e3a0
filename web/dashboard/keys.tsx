/** Keys: find, make. */

import { useState } from "preact/hooks";
import type { CreatedKeyJson, KeyJson, KeyListJson } from "../../src/control/schemas.ts";
import { instant } from "../shared/format.ts";
import { Icon } from "../shared/icon.tsx";
import { routeTo, withQuery } from "../shared/route.ts";
import { type Column, Table } from "../shared/table.tsx";
import { Badge, Button, Card, Empty, ErrorBox, Loading, Page, TextField } from "../shared/ui.tsx";
import { useApi } from "../shared/use-api.ts";
import { NewKeyDialog } from "./new-key.tsx";
import { SecretDialog } from "./secret-dialog.tsx";

const pageKeys = 50;

interface KeysProps {
  readonly query: Readonly<Record<string, string>>;
  readonly canChange: boolean;
}

export function Keys({ query, canChange }: KeysProps) {
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<CreatedKeyJson>();
  const { owner, after } = query;
  const path = withQuery("/v1/keys", { limit: String(pageKeys), owner, after });
  const { data, error, reload } = useApi<KeyListJson>(path);
  return (
    <Page
      title="Keys"
      actions={
        canChange && (
          <Button kind="primary" onClick={() => setMaking(true)}>
            <Icon name="plus" /> New key
          </Button>
        )
      }
    >
      <Find owner={owner ?? ""} />
      <Card title={owner === undefined ? "All keys" : `Keys of ${owner}`} flush>
        {error !== undefined && <ErrorBox error={error} onRetry={reload} />}
        {data === undefined && error === undefined && (
          <div class="card-body">
            <Loading />
          </div>
        )}
        {data !== undefined && data.keys.length === 0 && (
          <Empty title="No keys">
            {owner === undefined ? "Make the first one." : "This owner has none."}
          </Empty>
        )}
        {data !== undefined && data.keys.length > 0 && (
          <Table caption="Keys" columns={columns} rows={data.keys} rowKey={({ id }) => id} />
        )}
      </Card>
      <div class="pager">
        {after !== undefined && (
          <a class="button" href={routeTo("/keys", { owner })}>
            First page
          </a>
        )}
        {typeof data?.next === "string" && (
          <a class="button" href={routeTo("/keys", { owner, after: data.next })}>
            Next page <Icon name="forward" />
          </a>
        )}
      </div>
      {isMaking && (
        <NewKeyDialog
          onClose={() => setMaking(false)}
          onMade={(key) => {
            setMaking(false);
            setMade(key);
            reload();
          }}
        />
      )}
      {made !== undefined && <SecretDialog created={made} onClose={() => setMade(undefined)} />}
    </Page>
  );
}

function Find({ owner }: { readonly owner: string }) {
  const [text, setText] = useState(owner);
  const submit = (event: Event): void => {
    event.preventDefault();
    const wanted = text.trim();
    location.hash = /^k_[0-9A-Za-z]+$/.test(wanted)
      ? routeTo(`/keys/${wanted}`)
      : routeTo("/keys", { owner: wanted });
  };
  return (
    <form class="filter-form" onSubmit={submit} role="search">
      <TextField
        label="Owner or key id"
        value={text}
        onInput={setText}
        input={{ type: "search", maxLength: 256, spellcheck: false, autoComplete: "off" }}
      />
      <Button type="submit">Find</Button>
    </form>
  );
}

export function KeyState({ of }: { readonly of: KeyJson }) {
  if (of.revoked) return <Badge tone="bad">revoked</Badge>;
  if (of.expiresAt !== null && Date.parse(of.expiresAt) <= Date.now()) {
    return <Badge tone="warn">expired</Badge>;
  }
  return <Badge tone="good">active</Badge>;
}

const columns: readonly Column<KeyJson>[] = [
  {
    title: "Key",
    isHeading: true,
    cell: ({ id, name }) => (
      <a href={routeTo(`/keys/${id}`)}>{name === "" ? <code>{id}</code> : name}</a>
    ),
  },
  {
    title: "Owner",
    kind: "wide",
    cell: ({ owner }) =>
      owner === "" ? (
        <span class="soft">none</span>
      ) : (
        <a href={routeTo("/keys", { owner })}>{owner}</a>
      ),
  },
  { title: "Plan", cell: ({ plan }) => plan },
  { title: "State", cell: (key) => <KeyState of={key} /> },
  { title: "Secrets", kind: "number", cell: ({ credentials }) => credentials.length },
  { title: "Made (UTC)", cell: ({ createdAt }) => <span class="num">{instant(createdAt)}</span> },
  {
    title: "Expires (UTC)",
    cell: ({ expiresAt }) =>
      expiresAt === null ? (
        <span class="soft">never</span>
      ) : (
        <span class="num">{instant(expiresAt)}</span>
      ),
  },
];
