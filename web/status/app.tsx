/** The status page: how the regions do now, in the last 90 days, and what went wrong. It asks again every second. */

import { useEffect, useMemo, useRef } from "preact/hooks";
import type { PublicStatus } from "../../src/status/public-status.ts";
import { Nav } from "../shared/nav.tsx";
import { ErrorBox, Loading, Notice } from "../shared/ui.tsx";
import { useApi } from "../shared/use-api.ts";
import { OpenIncidents, PastIncidents } from "./incidents.tsx";
import { LatencyCard } from "./latency-card.tsx";
import { RegionsCard } from "./regions-card.tsx";
import { clockText, headline, stateTone } from "./words.ts";

/** A change is to be seen within five seconds, of which probes may take three. An answer without news is a few bytes. */
const askEveryMs = 1_000;

export function StatusPage() {
  const { data, error, isLoading, reload } = useApi<PublicStatus>("/status.json", askEveryMs);
  const heardMs = useRef(0);
  if (data !== undefined && error === undefined && !isLoading) heardMs.current = Date.now();
  const status = useSame(data);
  const name = status?.name ?? "";
  useTitle(status);
  useFragment(status !== undefined);
  return (
    <>
      <Nav name={name === "" ? "Status" : name} home="/status" places={[]} current="" />
      <main class="page" id="main" tabIndex={-1}>
        {status === undefined && error === undefined && <Loading />}
        {status === undefined && error !== undefined && <ErrorBox error={error} onRetry={reload} />}
        {status !== undefined && error !== undefined && (
          <Notice kind="warn">
            {`The status cannot be asked for now. This is how it was at ${clockText(heardMs.current)}.`}
          </Notice>
        )}
        {status !== undefined && <Shown status={status} />}
      </main>
    </>
  );
}

function Shown({ status }: { readonly status: PublicStatus }) {
  return useMemo(() => {
    const { state, regions, incidents, generatedAt } = status;
    const open = incidents.filter(({ endedAt }) => endedAt === null);
    const over = incidents.filter(({ endedAt }) => endedAt !== null);
    return (
      <>
        <div class={`hero ${stateTone[state]}`} role="status">
          <h1>{headline(status)}</h1>
          <p class="small num">{`Updated ${clockText(Date.parse(generatedAt))}`}</p>
        </div>
        <OpenIncidents incidents={open} />
        <RegionsCard regions={regions} />
        <LatencyCard regions={regions} />
        <PastIncidents incidents={over} />
        <Foot />
      </>
    );
  }, [status]);
}

function Foot() {
  return (
    <footer class="foot small soft">
      <p>
        Every region asks the others once a second at the address that callers use. A probe is
        answered if the answer comes within two seconds. All times are UTC.
      </p>
      <p class="foot-links">
        <a href="/status.atom">Atom feed</a>
        <a href="/status.json">JSON</a>
      </p>
    </footer>
  );
}

/** The same object while nothing has changed: then nothing is drawn. */
function useSame(data: PublicStatus | undefined): PublicStatus | undefined {
  const kept = useRef<PublicStatus>(undefined);
  if (data !== undefined && data.generatedAt !== kept.current?.generatedAt) kept.current = data;
  return kept.current;
}

function useTitle(status: PublicStatus | undefined): void {
  const text = status === undefined ? "Status" : headline(status);
  useEffect(() => {
    document.title = status === undefined ? text : `${text} · ${status.name || "Status"}`;
  }, [text, status?.name]);
}

/** An address of the feed names an incident, which is there only now. */
function useFragment(isShown: boolean): void {
  useEffect(() => {
    const id = location.hash.slice(1);
    if (isShown && /^[0-9a-f]{16}$/.test(id)) document.getElementById(id)?.scrollIntoView();
  }, [isShown]);
}
