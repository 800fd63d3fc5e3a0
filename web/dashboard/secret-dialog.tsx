/** A new secret, shown this one time. */

import type { CreatedKeyJson } from "../../src/control/schemas.ts";
import { Dialog } from "../shared/dialog.tsx";
import { routeTo } from "../shared/route.ts";
import { Secret } from "../shared/ui.tsx";

interface SecretDialogProps {
  readonly created: CreatedKeyJson;
  readonly onClose: () => void;
}

export function SecretDialog({ created, onClose }: SecretDialogProps) {
  return (
    <Dialog title="The key" onClose={onClose}>
      <div class="form">
        <p>It works in every region now. Copy it: it is shown this one time.</p>
        <Secret text={created.key} />
        <p class="small">
          <a href={routeTo(`/keys/${created.id}`)} onClick={onClose}>
            Open {created.name === "" ? created.id : created.name}
          </a>
        </p>
      </div>
    </Dialog>
  );
}
