/** What went wrong: what goes on, and what is over. All that people wrote goes in as text. */

import { useState } from "preact/hooks";
import type { PublicIncident } from "../../src/status/public-status.ts";
import { span } from "../shared/format.ts";
import { Badge, Button, Card, Empty } from "../shared/ui.tsx";
import { impactText, impactTone, momentText } from "./words.ts";

const shownAtFirst = 8;

export function OpenIncidents({ incidents }: { readonly incidents: readonly PublicIncident[] }) {
  if (incidents.length === 0) return null;
  return (
    <Card title="Going on" class="going-on" flush>
      <List incidents={incidents} />
    </Card>
  );
}

export function PastIncidents({ incidents }: { readonly incidents: readonly PublicIncident[] }) {
  const [all, setAll] = useState(false);
  const shown = all ? incidents : incidents.slice(0, shownAtFirst);
  return (
    <Card title="Past incidents" note="90 days" flush>
      {shown.length === 0 ? <Empty title="None" /> : <List incidents={shown} />}
      {shown.length < incidents.length && (
        <div class="more">
          <Button onClick={() => setAll(true)}>{`Show all ${incidents.length}`}</Button>
        </div>
      )}
    </Card>
  );
}

function List({ incidents }: { readonly incidents: readonly PublicIncident[] }) {
  return (
    <ul class="incidents">
      {incidents.map((incident) => (
        <li key={incident.id}>
          <Incident incident={incident} />
        </li>
      ))}
    </ul>
  );
}

function Incident({ incident }: { readonly incident: PublicIncident }) {
  const { id, title, impact, regions, updates } = incident;
  return (
    <article class="incident" id={id} aria-labelledby={`${id}-title`}>
      <div class="incident-head">
        <h3 id={`${id}-title`}>{title}</h3>
        <Badge tone={impactTone[impact]}>{impactText[impact]}</Badge>
        {regions.map((region) => (
          <Badge key={region}>{region}</Badge>
        ))}
      </div>
      <p class="small soft num">{spanText(incident)}</p>
      <ol class="updates small">
        {updates.map(({ at, phase, text }) => (
          <li key={at}>
            <time class="num soft" dateTime={at}>
              {momentText(at)}
            </time>
            <p>
              <strong>{`${phase.slice(0, 1).toUpperCase()}${phase.slice(1)}. `}</strong>
              {text}
            </p>
          </li>
        ))}
      </ol>
    </article>
  );
}

function spanText({ startedAt, endedAt }: PublicIncident): string {
  if (endedAt === null) return `Since ${momentText(startedAt)} UTC`;
  const lasted = span(Date.parse(endedAt) - Date.parse(startedAt));
  return `${momentText(startedAt)} to ${momentText(endedAt)} UTC, ${lasted}`;
}
