/** A new secret for a key; the end of a key. */

import { useState } from "preact/hooks";
import type {
  PersonCreatedKeyJson,
  PersonKeyJson,
} from "../../src/control/portal/portal-schemas.ts";
import { api } from "../shared/api.ts";
import { Dialog } from "../shared/dialog.tsx";
import { Button, ErrorBox, SelectField } from "../shared/ui.tsx";

const overlaps = [
  { value: "0s", text: "not at all" },
  { value: "1h", text: "1 hour" },
  { value: "24h", text: "24 hours" },
  { value: "7d", text: "7 days" },
] as const;

interface RotateProps {
  readonly of: PersonKeyJson;
  readonly onClose: () => void;
  readonly onMade: (created: PersonCreatedKeyJson) => void;
}

export function RotateKeyDialog({ of, onClose, onMade }: RotateProps) {
  const [overlap, setOverlap] = useState("24h");
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const rotate = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      const path = `/portal/api/keys/${of.id}/rotate`;
      onMade(await api<PersonCreatedKeyJson>(path, { method: "POST", body: { overlap } }));
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };
  return (
    <Dialog title="Rotate the key" onClose={onClose}>
      <div class="form">
        {error !== undefined && <ErrorBox error={error} />}
        <p>
          <strong>{of.name === "" ? of.id : of.name}</strong> gets a new secret. Its usage and
          limits go on as they are.
        </p>
        <SelectField
          label="The old secret works for"
          note="Time to put the new one everywhere."
          value={overlap}
          options={overlaps}
          onChange={setOverlap}
        />
        <div class="form-end">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" disabled={isBusy} onClick={() => void rotate()}>
            Make a new secret
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

interface RevokeProps {
  readonly of: PersonKeyJson;
  readonly onClose: () => void;
  readonly onRevoked: () => void;
}

export function RevokeKeyDialog({ of, onClose, onRevoked }: RevokeProps) {
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const revoke = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      await api(`/portal/api/keys/${of.id}`, { method: "DELETE" });
      onRevoked();
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };
  return (
    <Dialog title="Revoke the key?" onClose={onClose}>
      <div class="form">
        {error !== undefined && <ErrorBox error={error} />}
        <p>
          <strong>{of.name === "" ? of.id : of.name}</strong> stops working in every region within a
          second. It cannot be undone.
        </p>
        <div class="form-end">
          <Button onClick={onClose}>Keep it</Button>
          <Button kind="danger" disabled={isBusy} onClick={() => void revoke()}>
            Revoke it
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
