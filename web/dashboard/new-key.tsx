/** Makes a key. */

import { useState } from "preact/hooks";
import type { CreatedKeyJson, KeyRequestJson, PlanListJson } from "../../src/control/schemas.ts";
import { ApiError, api } from "../shared/api.ts";
import { Dialog } from "../shared/dialog.tsx";
import { ExpiryField, KeyNameField } from "../shared/key-fields.tsx";
import { Button, ErrorBox, SelectField, TextField } from "../shared/ui.tsx";
import { useApi } from "../shared/use-api.ts";

interface NewKeyDialogProps {
  readonly onClose: () => void;
  readonly onMade: (key: CreatedKeyJson) => void;
}

export function NewKeyDialog({ onClose, onMade }: NewKeyDialogProps) {
  const plans = useApi<PlanListJson>("/v1/plans");
  // One for each dialog: a second click, or a repetition by the network, makes no second key.
  const [once] = useState(() => crypto.randomUUID());
  const [chosen, setPlan] = useState<string>();
  const [name, setName] = useState("");
  const [owner, setOwner] = useState("");
  const [expires, setExpires] = useState("");
  const [mode, setMode] = useState("live");
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const names = plans.data?.plans.filter(({ anonymous }) => !anonymous).map((plan) => plan.name);
  const plan = chosen ?? names?.[0] ?? "";
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    const body: KeyRequestJson = {
      plan,
      name: name.trim(),
      owner: owner.trim(),
      mode: mode === "test" ? "test" : "live",
      expiresAt: expires === "" ? null : expires,
    };
    try {
      const headers = { "Idempotency-Key": once };
      onMade(await api<CreatedKeyJson>("/v1/keys", { method: "POST", body, headers }));
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };
  const wrong = (field: string): string | undefined =>
    error instanceof ApiError ? error.fields.get(`body.${field}`) : undefined;
  return (
    <Dialog title="New key" onClose={onClose}>
      <form class="form" onSubmit={(event) => void submit(event)}>
        {(error ?? plans.error) !== undefined && <ErrorBox error={error ?? plans.error} />}
        <SelectField
          label="Plan"
          value={plan}
          options={(names ?? []).map((value) => ({ value, text: value }))}
          onChange={setPlan}
          error={wrong("plan")}
        />
        <KeyNameField
          note="For people: what the key is for."
          value={name}
          onInput={setName}
          error={wrong("name")}
        />
        <TextField
          label="Owner"
          note="Whose key it is; reports and limits can sum by it."
          value={owner}
          onInput={setOwner}
          error={wrong("owner")}
          input={{ maxLength: 128, autoComplete: "off", spellcheck: false }}
        />
        <ExpiryField value={expires} onInput={setExpires} error={wrong("expiresAt")} />
        <SelectField
          label="Mode"
          value={mode}
          options={[
            { value: "live", text: "live" },
            { value: "test", text: "test" },
          ]}
          onChange={setMode}
        />
        <div class="form-end">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" disabled={isBusy || plan === ""}>
            Make the key
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
