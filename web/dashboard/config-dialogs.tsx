/** Puts a configuration in force. Held against the one that was in force when it was written. */

import { useState } from "preact/hooks";
import type {
  ConfigVersionJson,
  ConfigVersionListJson,
} from "../../src/control/config-version-schemas.ts";
import { ApiError, api } from "../shared/api.ts";
import { Dialog } from "../shared/dialog.tsx";
import { Button, ErrorBox, TextField } from "../shared/ui.tsx";

/** A version without its text. */
export type ConfigHead = ConfigVersionListJson["versions"][number];

interface ApplyDialogProps {
  readonly request: { readonly text: string; readonly format: "yaml" | "json" };
  /** What is in force; undefined: each process's own file. */
  readonly over: ConfigHead | undefined;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function ApplyDialog({ request, over, onClose, onDone }: ApplyDialogProps) {
  const [note, setNote] = useState("");
  const { error, isBusy, run } = useRun(onDone);
  const submit = (event: Event): void => {
    event.preventDefault();
    run(async () => {
      const headers = { "If-Match": await tagOf(over) };
      await api("/v1/config/versions", { method: "POST", body: { ...request, note }, headers });
    });
  };
  return (
    <Dialog title="Apply everywhere?" onClose={onClose}>
      <form class="form" onSubmit={submit}>
        {error !== undefined && <Failure error={error} />}
        <p>
          Hub and gateways take it within a second, without a restart. Calls under way keep the one
          they began with.
        </p>
        <TextField
          label="Note"
          note="What this changes, for people."
          value={note}
          onInput={setNote}
          input={{ maxLength: 200, autoComplete: "off" }}
        />
        <div class="form-end">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" disabled={isBusy}>
            Apply
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface RollBackDialogProps {
  readonly of: ConfigHead;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function RollBackDialog({ of, onClose, onDone }: RollBackDialogProps) {
  const { error, isBusy, run } = useRun(onDone);
  const goBack = (): void => {
    run(async () => {
      await api(`/v1/config/versions/${of.number}/rollback`, { method: "POST", body: {} });
    });
  };
  return (
    <Dialog title={`Go back to version ${of.number}?`} onClose={onClose}>
      <div class="form">
        {error !== undefined && <Failure error={error} />}
        <p>It is applied again, as a new version, at the hub and at every gateway.</p>
        <div class="form-end">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" onClick={goBack} disabled={isBusy}>
            Go back
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

async function tagOf(head: ConfigHead | undefined): Promise<string> {
  if (head === undefined) return '"0"';
  const { id } = await api<ConfigVersionJson>(`/v1/config/versions/${head.number}`);
  return `"${id}"`;
}

function useRun(onDone: () => void) {
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const run = (work: () => Promise<void>): void => {
    setBusy(true);
    setError(undefined);
    work().then(onDone, (cause: unknown) => {
      setError(cause);
      setBusy(false);
    });
  };
  return { error, isBusy, run };
}

function Failure({ error }: { readonly error: unknown }) {
  const fields = error instanceof ApiError ? [...error.fields] : [];
  return (
    <>
      <ErrorBox error={error} />
      {fields.length > 1 && (
        <ul class="problems">
          {fields.map(([where, detail]) => (
            <li key={where}>
              <code>{where}</code> {detail}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
