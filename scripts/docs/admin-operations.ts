/** The admin API's operations, from its OpenAPI document. */

import type { OpenAPIHono } from "@hono/zod-openapi";
import { createControl } from "../../src/control/control.ts";
import { createFakeHub } from "../../src/control/testing/fake-hub.ts";
import { code, table } from "./markdown.ts";

/** Words after `curl`; `$T` is the header field with the token. A new operation fails here without its line. */
const examples: Readonly<Record<string, string>> = {
  createKey: `-H "$T" --json '{"plan": "pro", "name": "shop"}' $U/v1/keys`,
  listKeys: '-H "$T" "$U/v1/keys?owner=acme&limit=100"',
  showKey: '-H "$T" $U/v1/keys/k_…',
  changeKey: `-H "$T" -X PATCH --json '{"plan": "free"}' $U/v1/keys/k_…`,
  revokeKey: '-H "$T" -X DELETE $U/v1/keys/k_…',
  rotateKey: `-H "$T" --json '{"overlap": "24h"}' $U/v1/keys/k_…/rotate`,
  usage: '-H "$T" "$U/v1/usage?by=plan&window=day&from=2026-12-01"',
  listPlans: '-H "$T" $U/v1/plans',
  listRegions: '-H "$T" $U/v1/regions',
  status: '-H "$T" $U/v1/status',
  liftFence: '-H "$T" -X POST $U/v1/leases/lift-fence',
  createToken: `-H "$T" --json '{"name": "grafana", "expiresAt": "2027-01-01"}' $U/v1/tokens`,
  listTokens: '-H "$T" $U/v1/tokens',
  showToken: '-H "$T" $U/v1/tokens/t_…',
  revokeToken: '-H "$T" -X DELETE $U/v1/tokens/t_…',
  logIn: `-c jar -H "origin: $U" --json '{"token": "tgt_…"}' $U/v1/session`,
  showSession: "-b jar $U/v1/session",
  logOut: '-b jar -H "origin: $U" -H "x-csrf-token: …" -X DELETE $U/v1/session',
  listAudit: '-H "$T" "$U/v1/audit?target=k_…"',
  listIncidents: '-H "$T" $U/v1/incidents',
  showIncident: '-H "$T" $U/v1/incidents/9f2c…',
  createIncident: `-H "$T" --json '{"impact": "maintenance", "title": "Work on a cable", "text": "Calls take longer tonight."}' $U/v1/incidents`,
  changeIncident: `-H "$T" -X PATCH --json '{"title": "A cable is broken"}' $U/v1/incidents/9f2c…`,
  updateIncident: `-H "$T" --json '{"phase": "resolved", "text": "It is repaired."}' $U/v1/incidents/9f2c…/updates`,
  publicStatus: "$U/status.json",
  statusFeed: "$U/status.atom",
  checkAudit: '-H "$T" $U/v1/audit/check',
  listOwners: '-H "$T" "$U/v1/owners?limit=100"',
  showOwner: '-H "$T" $U/v1/owners/acme',
  listEvents: '-H "$T" "$U/v1/events?kind=region"',
  showPlan: '-H "$T" $U/v1/plans/pro',
  showRegion: '-H "$T" $U/v1/regions/seoul',
  live: '-N -H "$T" -H "Accept: text/event-stream" $U/v1/live',
  outcomes: '-H "$T" "$U/v1/outcomes?by=outcome&window=day&from=2026-12-01"',
  nearLimits: '-H "$T" $U/v1/near-limits',
  showConfig: '-H "$T" $U/v1/config',
  checkConfig: `-H "$T" --json "$(jq -Rs '{text: .}' tallygate.yaml)" $U/v1/config/check`,
  applyConfig: `-H "$T" --json "$(jq -Rs '{text: ., note: "raise pro"}' tallygate.yaml)" $U/v1/config/versions`,
  listConfigVersions: '-H "$T" $U/v1/config/versions',
  showConfigVersion: '-H "$T" $U/v1/config/versions/3',
  rollBackConfig: '-H "$T" -X POST $U/v1/config/versions/2/rollback',
  releaseConfig: '-H "$T" -X POST $U/v1/config/release',
  verify: '-H "$T" -X POST $U/v1/verify',
  backup: '-H "$T" -X POST -o hub.backup $U/v1/backup',
};

type Document = ReturnType<OpenAPIHono["getOpenAPI31Document"]>;

interface Operation {
  readonly operationId: string;
  readonly summary: string;
}

export function operationTable(): string {
  const app = createControl(createFakeHub().context);
  const document: Document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: { title: "", version: "" },
  });
  const rows: string[][] = [];
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(item ?? {})) {
      const { operationId, summary } = operation as Operation;
      const example = examples[operationId];
      if (example === undefined) throw new Error(`no curl example for ${operationId}`);
      rows.push([code(`${method.toUpperCase()} ${path}`), summary, code(`curl ${example}`)]);
    }
  }
  return table(["operation", "does", "example"], rows);
}
