/** A key that was just made, and a call with it. */

import { useState } from "preact/hooks";
import type { BrandJson } from "../../src/control/portal/portal-schemas.ts";
import { Card, Secret } from "../shared/ui.tsx";
import type { KnownSecret } from "./secrets.ts";
import { SnippetBox } from "./snippet-box.tsx";

interface FirstCallProps {
  readonly brand: BrandJson;
  readonly secret: KnownSecret;
}

export function FirstCall({ brand, secret }: FirstCallProps) {
  const [isHidden, setHidden] = useState(false);
  if (isHidden) return null;
  return (
    <Card
      title={secret.name === "" ? "Your new key" : secret.name}
      note="Works in every region now. Copy it: it is shown this one time."
      actions={
        <button class="button quiet" type="button" onClick={() => setHidden(true)}>
          I have it
        </button>
      }
    >
      <div class="form">
        <Secret text={secret.key} label="Copy key" />
        <SnippetBox brand={brand} secret={secret.key} />
      </div>
    </Card>
  );
}
