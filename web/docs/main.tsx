/** The admin API's reference, from the document that the hub makes of the schemas that validate. */

import "./docs.css";
import { useEffect, useState } from "preact/hooks";
import { Nav } from "../shared/nav.tsx";
import { type Operation, operationsOf } from "../shared/operations.ts";
import { start } from "../shared/start.tsx";
import { Empty, ErrorBox, Loading, Page, TextField } from "../shared/ui.tsx";
import { useApi } from "../shared/use-api.ts";
import { type Group, groupsOf, placeOf } from "./groups.ts";
import { OperationCard } from "./operation-card.tsx";

const documentPath = "/v1/openapi.json";

function Reference() {
  const { data, error, reload } = useApi<object>(documentPath);
  const [wanted, setWanted] = useState("");
  const operations = data === undefined ? [] : operationsOf(data);
  const shown = operations.filter((operation) => matches(operation, wanted));
  const isThere = data !== undefined;
  // The browser looked for the place that the address names before there was anything.
  useEffect(() => {
    if (isThere) showPlace();
  }, [isThere]);
  return (
    <Page
      title="API reference"
      note={
        <>
          Calls need <code>Authorization: Bearer</code> with a token, but where it is said. The same
          as <a href={documentPath}>OpenAPI 3.1</a>.
        </>
      }
    >
      {error !== undefined && <ErrorBox error={error} onRetry={reload} />}
      {!isThere && error === undefined && <Loading />}
      {isThere && (
        <div class="docs">
          <div class="docs-index">
            <TextField
              label="Find an operation"
              value={wanted}
              onInput={setWanted}
              input={{ type: "search" }}
            />
            <Index groups={groupsOf(shown)} />
          </div>
          <div class="docs-list">
            {shown.length === 0 && <Empty title="No such operation" />}
            {groupsOf(shown).flatMap((group) =>
              group.operations.map((of) => <OperationCard key={placeOf(of)} of={of} />),
            )}
          </div>
        </div>
      )}
    </Page>
  );
}

function Index({ groups }: { readonly groups: readonly Group[] }) {
  return (
    <nav aria-label="Operations">
      {groups.map(({ name, operations }) => (
        <section key={name}>
          <h2>{name}</h2>
          <ul>
            {operations.map((of) => (
              <li key={placeOf(of)}>
                <a href={`#${placeOf(of)}`}>{of.id || `${of.method} ${of.path}`}</a>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </nav>
  );
}

function matches({ id, method, path, summary }: Operation, wanted: string): boolean {
  const words = wanted.trim().toLowerCase().split(/\s+/);
  const text = `${id} ${method} ${path} ${summary}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function showPlace(): void {
  const place = document.getElementById(location.hash.slice(1));
  place?.scrollIntoView();
}

start(
  <>
    <Nav name="Tallygate" home="/" places={[]} current="" />
    <Reference />
  </>,
);
