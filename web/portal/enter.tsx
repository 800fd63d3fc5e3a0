/**
 * Where a link in a mail leads. One click uses it: for who is new it also makes the first key. A click and not the loading of the
 * page, since mail programs open links too.
 */

import { useEffect, useState } from "preact/hooks";
import type {
  BrandJson,
  EnteredJson,
  OpenLinkJson,
} from "../../src/control/portal/portal-schemas.ts";
import { api } from "../shared/api.ts";
import { Button, ErrorBox, Loading } from "../shared/ui.tsx";

interface EnterProps {
  readonly brand: BrandJson;
  readonly token: string;
  readonly onEntered: (who: EnteredJson) => void;
}

export function Enter({ brand, token, onEntered }: EnterProps) {
  const [link, setLink] = useState<OpenLinkJson>();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    const body = { token };
    api<OpenLinkJson>("/portal/api/link", { method: "POST", body }).then(setLink, setError);
  }, [token]);
  const enter = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      onEntered(await api<EnteredJson>("/portal/api/session", { method: "POST", body: { token } }));
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };
  return (
    <main class="narrow welcome" id="main" tabIndex={-1}>
      <h1>{link?.isNew === false ? "Welcome back" : "Almost there"}</h1>
      {error !== undefined && (
        <>
          <ErrorBox error={error} />
          <p>
            <a href="#/">Ask for another link</a>
          </p>
        </>
      )}
      {link === undefined && error === undefined && <Loading />}
      {link !== undefined && (
        <>
          <p class="lead">
            {link.isNew ? "Your first key will belong to " : "You log in as "}
            <strong>{link.email}</strong>
            {link.isNew && ` and work in every region of ${brand.name} at once`}.
          </p>
          <div class="wide-button">
            <Button kind="primary" disabled={isBusy} onClick={() => void enter()}>
              {link.isNew ? "Get my key" : "Log in"}
            </Button>
          </div>
        </>
      )}
    </main>
  );
}
