/** Changes of a key. Each is held against the version that was shown: what somebody else changed meanwhile is not undone. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { CreatedKeyJson, KeyJson, PlanListJson } from "../../src/control/schemas.ts";
import { ApiError, type ApiOptions, api } from "../shared/api.ts";
import { Dialog } from "../shared/dialog.tsx";
import { ExpiryField, KeyNameField } from "../shared/key-fields.tsx";
import { Button, ErrorBox, Field, SelectField } from "../shared/ui.tsx";
import { useApi } from "../shared/use-api.ts";

interface DialogProps {
  readonly of: KeyJson;
  readonly onClose: () => void;
}

interface ChangeProps extends DialogProps {
  readonly onDone: () => void;
}

function useChange<T>(key: KeyJson, onDone: (answer: T) => void) {
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const send = async (path: string, options: ApiOptions): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      const headers = { "If-Match": `"${key.version}"`, ...options.headers };
      onDone(await api<T>(`/v1/keys/${key.id}${path}`, { ...options, headers }));
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };
  return { error, isBusy, send };
}

export function ChangeKeyDialog({ of: key, onClose, onDone }: ChangeProps) {
  const plans = useApi<PlanListJson>("/v1/plans");
  const [plan, setPlan] = useState(key.plan);
  const [name, setName] = useState(key.name);
  const [expires, setExpires] = useState(key.expiresAt?.slice(0, 10) ?? "");
  const [referers, setReferers] = useState(key.restrict.referers.join("\n"));
  const [addresses, setAddresses] = useState(key.restrict.addresses.join("\n"));
  const [routes, setRoutes] = useState(key.restrict.routes.join("\n"));
  const { error, isBusy, send } = useChange(key, onDone);
  const names = plans.data?.plans.map((one) => one.name) ?? [key.plan];
  const submit = (event: Event): void => {
    event.preventDefault();
    const isSameDay = expires === (key.expiresAt?.slice(0, 10) ?? "");
    const body = {
      plan,
      name: name.trim(),
      ...(isSameDay ? {} : { expiresAt: expires === "" ? null : expires }),
      restrict: {
        referers: lines(referers),
        addresses: lines(addresses),
        routes: lines(routes),
      },
    };
    void send("", { method: "PATCH", body });
  };
  const wrong = (field: string): string | undefined =>
    error instanceof ApiError ? error.fields.get(`body.${field}`) : undefined;
  return (
    <Dialog title="Change the key" onClose={onClose}>
      <form class="form" onSubmit={submit}>
        {error !== undefined && <ErrorBox error={error} />}
        <SelectField
          label="Plan"
          note="What it has used stays and counts."
          value={plan}
          options={names.map((value) => ({ value, text: value }))}
          onChange={setPlan}
          error={wrong("plan")}
        />
        <KeyNameField value={name} onInput={setName} error={wrong("name")} />
        <ExpiryField value={expires} onInput={setExpires} error={wrong("expiresAt")} />
        <ListField
          label="Only from referers"
          note="One a line: example.com, *.example.com."
          value={referers}
          onInput={setReferers}
        />
        <ListField
          label="Only from addresses"
          note="One a line: 203.0.113.0/24."
          value={addresses}
          onInput={setAddresses}
        />
        <ListField
          label="Only for routes"
          note="One a line, as configured: /reports/{id}."
          value={routes}
          onInput={setRoutes}
        />
        <End onClose={onClose}>
          <Button kind="primary" type="submit" disabled={isBusy}>
            Save
          </Button>
        </End>
      </form>
    </Dialog>
  );
}

interface ListFieldProps {
  readonly label: string;
  readonly note: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
}

function ListField({ label, note, value, onInput }: ListFieldProps) {
  return (
    <Field label={label} note={note}>
      {(props) => (
        <textarea
          {...props}
          rows={2}
          spellcheck={false}
          value={value}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

function lines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

export function RevokeKeyDialog({ of: key, onClose, onDone }: ChangeProps) {
  const { error, isBusy, send } = useChange(key, onDone);
  return (
    <Dialog title="Revoke the key?" onClose={onClose}>
      <div class="form">
        {error !== undefined && <ErrorBox error={error} />}
        <p>
          {key.name === "" ? key.id : key.name} is refused in every region within a second, for
          good. What it has used stays on the books.
        </p>
        <End onClose={onClose}>
          <Button
            kind="danger"
            disabled={isBusy}
            onClick={() => void send("", { method: "DELETE" })}
          >
            Revoke
          </Button>
        </End>
      </div>
    </Dialog>
  );
}

interface RotateProps extends DialogProps {
  readonly onMade: (created: CreatedKeyJson) => void;
}

const overlaps = [
  { value: "0s", text: "not at all" },
  { value: "1h", text: "an hour" },
  { value: "24h", text: "a day" },
  { value: "7d", text: "a week" },
];

export function RotateKeyDialog({ of: key, onClose, onMade }: RotateProps) {
  const [once] = useState(() => crypto.randomUUID());
  const [overlap, setOverlap] = useState("24h");
  const { error, isBusy, send } = useChange<CreatedKeyJson>(key, onMade);
  const submit = (event: Event): void => {
    event.preventDefault();
    const headers = { "Idempotency-Key": once };
    void send("/rotate", { method: "POST", body: { overlap }, headers });
  };
  return (
    <Dialog title="Rotate the key" onClose={onClose}>
      <form class="form" onSubmit={submit}>
        {error !== undefined && <ErrorBox error={error} />}
        <p>A new secret for the same key, plan and count.</p>
        <SelectField
          label="The older ones still work for"
          value={overlap}
          options={overlaps}
          onChange={setOverlap}
        />
        <End onClose={onClose}>
          <Button kind="primary" type="submit" disabled={isBusy}>
            Rotate
          </Button>
        </End>
      </form>
    </Dialog>
  );
}

interface EndProps {
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

function End({ onClose, children }: EndProps) {
  return (
    <div class="form-end">
      <Button onClick={onClose}>Cancel</Button>
      {children}
    </div>
  );
}
