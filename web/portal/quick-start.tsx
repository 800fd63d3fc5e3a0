/** How to call the API, with one's own key in the text. */

import { useState } from "preact/hooks";
import type { BrandJson } from "../../src/control/portal/portal-schemas.ts";
import { Card, Notice, Page, SelectField, TextField } from "../shared/ui.tsx";
import { limitText } from "./limit-text.ts";
import { knownSecrets } from "./secrets.ts";
import { SnippetBox } from "./snippet-box.tsx";

const placeholder = "YOUR_KEY";

export function QuickStart({ brand }: { readonly brand: BrandJson }) {
  const [known] = knownSecrets();
  const [secret, setSecret] = useState(known?.key ?? "");
  const [chosen, setChosen] = useState("0");
  const route = brand.routes[Number(chosen)];
  return (
    <Page title="Quick start" note={`A first call to ${brand.name}.`}>
      <Card title="Make a call">
        <div class="form">
          <div class="two">
            <TextField
              label="Your key"
              note="Put into the text below; it does not leave this page."
              value={secret}
              onInput={setSecret}
              input={{ autoComplete: "off", spellcheck: false, placeholder }}
            />
            {brand.routes.length > 1 && (
              <SelectField
                label="Route"
                value={chosen}
                options={brand.routes.map(({ method, path }, at) => {
                  return { value: String(at), text: `${method} ${path}` };
                })}
                onChange={setChosen}
              />
            )}
          </div>
          <SnippetBox
            brand={brand}
            route={route}
            secret={secret.trim() === "" ? placeholder : secret.trim()}
          />
        </div>
      </Card>
      <div class="grid">
        <Card title="Where to call">
          <dl class="pairs">
            {brand.regions.map(({ name, url }) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  <code>{url}</code>
                </dd>
              </div>
            ))}
          </dl>
        </Card>
        <Card title="What the plan allows">
          <ul class="plain-list">
            {brand.plan.limits.map((limit) => (
              <li key={limit.name}>{limitText(limit)}</li>
            ))}
            {brand.plan.limits.length === 0 && <li>There is no limit.</li>}
          </ul>
        </Card>
      </div>
      <Notice>
        <span>
          A reply with status 429 says in <code>Retry-After</code> when to come again, and in{" "}
          <code>RateLimit</code> what is left. It is not charged.
        </span>
      </Notice>
    </Page>
  );
}
