/** The operator's OpenAPI document as a page. Whatever it holds is shown as text. */

import { useState } from "preact/hooks";
import type { BrandJson } from "../../src/control/portal/portal-schemas.ts";
import { type Operation, operationsOf } from "../shared/operations.ts";
import { Card, Empty, ErrorBox, Loading, Page, TextField } from "../shared/ui.tsx";
import { useApi } from "../shared/use-api.ts";
import { knownSecrets } from "./secrets.ts";
import { SnippetBox } from "./snippet-box.tsx";

export function Reference({ brand }: { readonly brand: BrandJson }) {
  const { data, error, reload } = useApi<object>("/portal/api/reference.json");
  const [wanted, setWanted] = useState("");
  const operations = data === undefined ? [] : operationsOf(data);
  const words = wanted.trim().toLowerCase();
  const shown = operations.filter(({ method, path, summary }) =>
    `${method} ${path} ${summary}`.toLowerCase().includes(words),
  );
  return (
    <Page title="Reference" note={`All operations of ${brand.name}.`}>
      {error !== undefined && <ErrorBox error={error} onRetry={reload} />}
      {data === undefined && error === undefined && <Loading />}
      {operations.length > 8 && (
        <TextField
          label="Find an operation"
          value={wanted}
          onInput={setWanted}
          input={{ type: "search" }}
        />
      )}
      {data !== undefined && shown.length === 0 && <Empty title="No such operation" />}
      {shown.map((operation) => (
        <OperationCard key={`${operation.method} ${operation.path}`} brand={brand} of={operation} />
      ))}
    </Page>
  );
}

interface OperationCardProps {
  readonly brand: BrandJson;
  readonly of: Operation;
}

function OperationCard({ brand, of }: OperationCardProps) {
  const [isOpen, setOpen] = useState(false);
  const [secret] = knownSecrets();
  const { method, path, summary, description, parameters, body, responses } = of;
  return (
    <Card title={`${method} ${path}`} note={summary} class="operation">
      <div class="form">
        {description !== "" && <p class="prose">{description}</p>}
        {parameters.length > 0 && (
          <dl class="pairs">
            {parameters.map(({ name, place, isRequired, type, text }) => (
              <div key={`${place} ${name}`}>
                <dt>
                  <code>{name}</code>
                </dt>
                <dd>
                  {place}
                  {isRequired ? ", required" : ""}
                  {type === "" ? "" : ` · ${type}`}
                  {text === "" ? "" : ` — ${text}`}
                </dd>
              </div>
            ))}
          </dl>
        )}
        {body !== "" && <p class="small">Body: {body}</p>}
        {responses.length > 0 && (
          <dl class="pairs">
            {responses.map(({ status, text }) => (
              <div key={status}>
                <dt class="num">{status}</dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
        )}
        <details class="more" open={isOpen} onToggle={(e) => setOpen(e.currentTarget.open)}>
          <summary>Call it</summary>
          {isOpen && (
            <SnippetBox brand={brand} route={{ method, path }} secret={secret?.key ?? "YOUR_KEY"} />
          )}
        </details>
      </div>
    </Card>
  );
}
