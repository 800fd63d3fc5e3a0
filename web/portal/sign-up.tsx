/** For who is not logged in: an address, and a link to it. The same for who comes the first time and who comes back. */

import { useState } from "preact/hooks";
import type { BrandJson } from "../../src/control/portal/portal-schemas.ts";
import { api } from "../shared/api.ts";
import { Icon } from "../shared/icon.tsx";
import { Button, ErrorBox, Notice, TextField } from "../shared/ui.tsx";
import { limitText } from "./limit-text.ts";

export function SignUp({ brand }: { readonly brand: BrandJson }) {
  const [email, setEmail] = useState("");
  const [sentTo, setSentTo] = useState<string>();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await api("/portal/api/sign-up", { method: "POST", body: { email } });
      setSentTo(email.trim());
    } catch (cause) {
      setError(cause);
    }
    setBusy(false);
  };
  if (sentTo !== undefined) {
    return (
      <main class="narrow welcome" id="main" tabIndex={-1}>
        <h1>Look into your mailbox</h1>
        <p class="lead">
          A link is on its way to <strong>{sentTo}</strong>. Open it, and your key is made.
        </p>
        <p class="soft small">Nothing there after a minute? Look in the spam folder, or</p>
        <div>
          <Button onClick={() => setSentTo(undefined)}>
            <Icon name="back" />
            Try another address
          </Button>
        </div>
      </main>
    );
  }
  return (
    <main class="narrow welcome" id="main" tabIndex={-1}>
      <h1>Get a key for {brand.name}</h1>
      <p class="lead">
        One key for {brand.regions.length === 1 ? "the API" : `all ${brand.regions.length} regions`}
        , ready the moment you open the link in our mail. No password.
      </p>
      {!brand.canSignUp && (
        <Notice kind="warn">Nobody can sign up here yet: no mail can be sent.</Notice>
      )}
      {error !== undefined && <ErrorBox error={error} />}
      <form class="form" onSubmit={(event) => void submit(event)}>
        <TextField
          label="E-mail address"
          note="Have you been here before? The same link lets you in again."
          value={email}
          onInput={setEmail}
          input={{ type: "email", autoComplete: "email", required: true, maxLength: 254 }}
        />
        <div class="wide-button">
          <Button kind="primary" type="submit" disabled={isBusy || !brand.canSignUp}>
            Send me the link
          </Button>
        </div>
      </form>
      {brand.plan.limits.length > 0 && (
        <section class="plan" aria-label="What you get">
          <h2>What you get</h2>
          <ul>
            {brand.plan.limits.map((limit) => (
              <li key={limit.name}>
                <Icon name="check" />
                {limitText(limit)}
              </li>
            ))}
          </ul>
        </section>
      )}
    </main>
  );
}
