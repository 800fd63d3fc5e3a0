/** The door of the dashboard: an admin token opens it. */

import { useState } from "preact/hooks";
import { ApiError } from "../shared/api.ts";
import { Nav } from "../shared/nav.tsx";
import { Button, TextField } from "../shared/ui.tsx";
import { logIn, type Operator } from "./session.ts";

export function Login({ onDone }: { readonly onDone: (operator: Operator) => void }) {
  const [token, setToken] = useState("");
  const [error, setError] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      onDone(await logIn(token.trim()));
    } catch (cause) {
      setError(reason(cause));
      setBusy(false);
    }
  };
  return (
    <>
      <Nav name="Tallygate" places={[]} current="" />
      <main class="narrow" id="main" tabIndex={-1}>
        <form class="card login" onSubmit={(event) => void submit(event)}>
          <div class="login-head">
            <h1>Log in</h1>
            <p class="soft">
              With an admin token: that of the hub’s data folder, or one made for you.
            </p>
          </div>
          <TextField
            label="Admin token"
            value={token}
            onInput={setToken}
            error={error}
            input={{
              type: "password",
              name: "token",
              autoComplete: "current-password",
              required: true,
              autofocus: true,
              spellcheck: false,
            }}
          />
          <Button kind="primary" type="submit" disabled={isBusy || token.trim() === ""}>
            Log in
          </Button>
          <p class="field-note">
            <code>tallygate dev</code> keeps it in <code>.tallygate/admin-token</code>.
          </p>
        </form>
      </main>
    </>
  );
}

function reason(cause: unknown): string {
  if (!(cause instanceof ApiError)) return "The hub cannot be reached.";
  if (cause.status === 401 || cause.status === 400) return "This token is wrong or has expired.";
  return cause.message;
}
