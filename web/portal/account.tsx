/** Who one is here, and how to leave for good. */

import { useState } from "preact/hooks";
import type { PersonJson } from "../../src/control/portal/portal-schemas.ts";
import { api } from "../shared/api.ts";
import { Dialog } from "../shared/dialog.tsx";
import { instant } from "../shared/format.ts";
import { Button, Card, ErrorBox, Page } from "../shared/ui.tsx";
import { forgetSecrets } from "./secrets.ts";

interface AccountProps {
  readonly person: PersonJson;
  readonly onLeft: () => void;
}

export function Account({ person, onLeft }: AccountProps) {
  const [isLeaving, setLeaving] = useState(false);
  return (
    <Page title="Account">
      <Card title="You">
        <dl class="pairs">
          <div>
            <dt>E-mail address</dt>
            <dd>{person.email}</dd>
          </div>
          <div>
            <dt>Id, to be named when you ask for help</dt>
            <dd>
              <code>{person.id}</code>
            </dd>
          </div>
          <div>
            <dt>Here since</dt>
            <dd class="num">{instant(person.since)} UTC</dd>
          </div>
        </dl>
      </Card>
      <Card title="Leave">
        <div class="form">
          <p>All your keys stop working, and your address is forgotten. It cannot be undone.</p>
          <div>
            <Button kind="danger" onClick={() => setLeaving(true)}>
              Leave for good
            </Button>
          </div>
        </div>
      </Card>
      {isLeaving && <LeaveDialog onClose={() => setLeaving(false)} onLeft={onLeft} />}
    </Page>
  );
}

interface LeaveProps {
  readonly onClose: () => void;
  readonly onLeft: () => void;
}

function LeaveDialog({ onClose, onLeft }: LeaveProps) {
  const [error, setError] = useState<unknown>();
  const leave = async (): Promise<void> => {
    try {
      await api("/portal/api/person", { method: "DELETE" });
      forgetSecrets();
      onLeft();
    } catch (cause) {
      setError(cause);
    }
  };
  return (
    <Dialog title="Leave for good?" onClose={onClose}>
      <div class="form">
        {error !== undefined && <ErrorBox error={error} />}
        <p>Every key of yours is revoked in all regions within a second.</p>
        <div class="form-end">
          <Button onClick={onClose}>Stay</Button>
          <Button kind="danger" onClick={() => void leave()}>
            Revoke all and leave
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
