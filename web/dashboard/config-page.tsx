/** The configuration: plans, routes and all else. Write, check, apply everywhere; go back to an earlier one. */

import { useEffect, useState } from "preact/hooks";
import type { ConfigCheckJson } from "../../src/control/cluster-schemas.ts";
import type {
  ConfigVersionJson,
  ConfigVersionListJson,
} from "../../src/control/config-version-schemas.ts";
import { api } from "../shared/api.ts";
import { instant } from "../shared/format.ts";
import { routeTo } from "../shared/route.ts";
import { type Column, Table } from "../shared/table.tsx";
import { Badge, Button, Card, Empty, ErrorBox, Loading, Notice, Page } from "../shared/ui.tsx";
import { useApi } from "../shared/use-api.ts";
import { ApplyDialog, type ConfigHead, RollBackDialog } from "./config-dialogs.tsx";
import { useLive } from "./live.ts";

const versionsShown = 20;

export function ConfigPage({ canChange }: { readonly canChange: boolean }) {
  const list = useApi<ConfigVersionListJson>(`/v1/config/versions?limit=${versionsShown}`);
  const newest = list.data?.versions[0];
  const [shown, setShown] = useState<ConfigVersionJson>();
  const [error, setError] = useState<unknown>();
  const [rollTo, setRollTo] = useState<ConfigHead>();
  const show = (number: number): void => {
    api<ConfigVersionJson>(`/v1/config/versions/${number}`).then(setShown, setError);
  };
  // The text of a configuration is for those who may change it.
  useEffect(() => {
    if (canChange && newest !== undefined) show(newest.number);
  }, [canChange, newest?.number]);
  const failure = list.error ?? error;
  const done = (): void => {
    setRollTo(undefined);
    list.reload();
  };
  return (
    <Page title="Configuration" note={<a href={routeTo("/plans")}>Plans in force</a>}>
      <ConfigTroubles />
      {failure !== undefined && <ErrorBox error={failure} onRetry={list.reload} />}
      {canChange && list.data !== undefined && (newest === undefined || shown !== undefined) && (
        <Editor key={shown?.number ?? 0} of={shown} newest={newest} onApplied={done} />
      )}
      <Card title="Applied" note="newest first" flush>
        {list.data === undefined && list.error === undefined && (
          <div class="card-body">
            <Loading />
          </div>
        )}
        {list.data?.versions.length === 0 && (
          <Empty title="None yet">Every process goes by its own file.</Empty>
        )}
        {list.data !== undefined && list.data.versions.length > 0 && (
          <Table
            caption="Applied configurations"
            columns={columnsOf({ canChange, show, rollBack: setRollTo })}
            rows={list.data.versions}
            rowKey={({ number }) => String(number)}
          />
        )}
      </Card>
      {rollTo !== undefined && (
        <RollBackDialog of={rollTo} onClose={() => setRollTo(undefined)} onDone={done} />
      )}
    </Page>
  );
}

/** Gateways that could not take the newest one, and why. */
function ConfigTroubles() {
  const live = useLive();
  const troubled = (live?.moment.status.regions ?? []).flatMap(({ name, processes }) =>
    processes
      .filter(({ configProblem }) => configProblem !== "")
      .map((process) => ({ name: `${name}/${process.process}`, why: process.configProblem })),
  );
  return (
    <>
      {troubled.map(({ name, why }) => (
        <Notice key={name} kind="bad">
          <span>
            <strong>{name}</strong> keeps the configuration before: {why}
          </span>
        </Notice>
      ))}
    </>
  );
}

interface EditorProps {
  readonly of: ConfigVersionJson | undefined;
  readonly newest: ConfigHead | undefined;
  readonly onApplied: () => void;
}

function Editor({ of, newest, onApplied }: EditorProps) {
  const [text, setText] = useState(of?.text ?? "");
  const [check, setCheck] = useState<ConfigCheckJson>();
  const [error, setError] = useState<unknown>();
  const [isApplying, setApplying] = useState(false);
  const format = of?.format === "json" ? "json" : "yaml";
  const run = (): void => {
    setError(undefined);
    setCheck(undefined);
    api<ConfigCheckJson>("/v1/config/check", { method: "POST", body: { text, format } }).then(
      setCheck,
      setError,
    );
  };
  const isEmpty = text.trim() === "";
  return (
    <Card
      title={of === undefined ? "New" : `Version ${of.number}`}
      note={format === "yaml" ? "YAML" : "JSON"}
      actions={
        <div class="form-end">
          <Button onClick={run} disabled={isEmpty}>
            Check
          </Button>
          <Button kind="primary" onClick={() => setApplying(true)} disabled={isEmpty}>
            Apply
          </Button>
        </div>
      }
    >
      <div class="form">
        {error !== undefined && <ErrorBox error={error} />}
        {check !== undefined && <CheckResult check={check} />}
        <textarea
          class="input code"
          aria-label="Text of the configuration"
          spellcheck={false}
          autocapitalize="off"
          placeholder={of === undefined ? "The whole of tallygate.yaml" : undefined}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setCheck(undefined);
          }}
        />
      </div>
      {isApplying && (
        <ApplyDialog
          request={{ text, format }}
          over={newest}
          onClose={() => setApplying(false)}
          onDone={() => {
            setApplying(false);
            onApplied();
          }}
        />
      )}
    </Card>
  );
}

function CheckResult({ check }: { readonly check: ConfigCheckJson }) {
  const { ok, problems, waiting } = check;
  if (ok) {
    return (
      <Notice>
        <span>
          <Badge tone="good">valid</Badge>{" "}
          {waiting.length === 0
            ? "All of it takes effect at once."
            : `Only from the next start on: ${waiting.join(", ")}.`}
        </span>
      </Notice>
    );
  }
  return (
    <Notice kind="bad">
      <ul class="problems">
        {problems.map(({ line, path, found, expected }) => (
          <li key={`${line} ${path}`}>
            {line > 0 && <strong>Line {line}: </strong>}
            <code>{path}</code> expected {expected}
            {found !== "" && `, found ${found}`}
          </li>
        ))}
      </ul>
    </Notice>
  );
}

interface ColumnParts {
  readonly canChange: boolean;
  readonly show: (number: number) => void;
  readonly rollBack: (head: ConfigHead) => void;
}

function columnsOf({ canChange, show, rollBack }: ColumnParts): readonly Column<ConfigHead>[] {
  const columns: readonly Column<ConfigHead>[] = [
    {
      title: "Version",
      isHeading: true,
      cell: ({ number, inForce }) => (
        <>
          {number} {inForce && <Badge tone="good">in force</Badge>}
        </>
      ),
    },
    { title: "At (UTC)", cell: ({ at }) => <span class="num">{instant(at)}</span> },
    { title: "By", cell: ({ actor }) => <code>{actor}</code> },
    {
      title: "Note",
      kind: "wide",
      cell: ({ note, format }) => (format === "files" ? "back to files" : note),
    },
  ];
  if (!canChange) return columns;
  return [
    ...columns,
    {
      title: "Do",
      cell: (head) =>
        head.format !== "files" && (
          <span class="row-actions">
            <Button
              kind="quiet"
              label={`Show version ${head.number}`}
              onClick={() => show(head.number)}
            >
              Show
            </Button>
            {!head.inForce && (
              <Button
                kind="quiet"
                label={`Go back to version ${head.number}`}
                onClick={() => rollBack(head)}
              >
                Go back
              </Button>
            )}
          </span>
        ),
    },
  ];
}
