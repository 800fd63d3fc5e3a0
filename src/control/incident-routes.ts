/** `/v1/incidents`: what the operator says of what went wrong. Each change has its entry of the audit log before it is made. */

import { createRoute, z } from "@hono/zod-openapi";
import { TallygateError } from "../base/errors.ts";
import type { IncidentChange } from "../hub/incident-book.ts";
import type { Incident } from "../status/incident.ts";
import { bearerSecurity, type ControlApp, type ControlContext } from "./control-context.ts";
import { inOrder } from "./in-order.ts";
import {
  type IncidentJson,
  incidentChangeSchema,
  incidentIdSchema,
  incidentListSchema,
  incidentRequestSchema,
  incidentSchema,
  incidentUpdateSchema,
} from "./incident-schemas.ts";
import { instantOrNull, keyTag, matchesTag } from "./key-view.ts";
import { changeResponses, commonResponses, problemResponses } from "./problem.ts";
import { auditOf, idempotencyHeader, jsonContent, noQuery } from "./request-parts.ts";
import { secretAnswers } from "./secret-answers.ts";

/** Changes of incidents that wait for their turn, at most. */
const changesWaitingMax = 100;
/** How far from now the times of an incident may be. */
const plannedMsMax = 366 * 86_400_000;

const security = bearerSecurity;
const params = z.object({ id: incidentIdSchema });
const ifMatch = z.object({ "if-match": z.string().max(256).optional() });
const ofOne = { ...commonResponses, 404: problemResponses[404] } as const;
const ofChange = {
  ...changeResponses,
  404: problemResponses[404],
  412: problemResponses[412],
} as const;

function body<S extends z.ZodType>(schema: S) {
  return { required: true, content: { "application/json": { schema } } } as const;
}

const listIncidentsRoute = createRoute({
  method: "get",
  path: "/v1/incidents",
  operationId: "listIncidents",
  summary: "Incidents of the status page, newest first, hidden ones among them.",
  security,
  request: { query: noQuery },
  responses: { 200: jsonContent(incidentListSchema, "All that are kept."), ...commonResponses },
});

const showIncidentRoute = createRoute({
  method: "get",
  path: "/v1/incidents/{id}",
  operationId: "showIncident",
  summary: "One incident.",
  security,
  request: { params, query: noQuery },
  responses: { 200: jsonContent(incidentSchema, "The incident."), ...ofOne },
});

const createIncidentRoute = createRoute({
  method: "post",
  path: "/v1/incidents",
  operationId: "createIncident",
  summary: "Tell of an incident that probes do not see, or of planned work.",
  security,
  request: { query: noQuery, headers: idempotencyHeader, body: body(incidentRequestSchema) },
  responses: {
    201: jsonContent(incidentSchema, "The incident."),
    ...changeResponses,
    409: problemResponses[409],
    422: problemResponses[422],
  },
});

const changeIncidentRoute = createRoute({
  method: "patch",
  path: "/v1/incidents/{id}",
  operationId: "changeIncident",
  summary: "Change what an incident says, or hide it.",
  security,
  request: { params, query: noQuery, headers: ifMatch, body: body(incidentChangeSchema) },
  responses: { 200: jsonContent(incidentSchema, "The incident as it is now."), ...ofChange },
});

const updateIncidentRoute = createRoute({
  method: "post",
  path: "/v1/incidents/{id}/updates",
  operationId: "updateIncident",
  summary: "Add an update. `resolved` ends an incident that goes on.",
  security,
  request: { params, query: noQuery, headers: ifMatch, body: body(incidentUpdateSchema) },
  responses: { 200: jsonContent(incidentSchema, "The incident as it is now."), ...ofChange },
});

export function addIncidentRoutes(app: ControlApp, context: ControlContext): void {
  const { audit, clock } = context;
  const { incidents } = context.status;
  // One at a time, so that nothing changes between the check of an If-Match and the change.
  const serial = inOrder(changesWaitingMax);
  const answerOnce = secretAnswers(context);

  /** The version that a change is for; undefined: whatever it is. */
  const versionFor = (id: string, header: string | undefined): number | undefined => {
    const known = incidents.get(id);
    if (known === undefined) throw new TallygateError("not-found", "There is no such incident.");
    if (matchesTag(header, known)) return header === undefined ? undefined : known.version;
    throw new TallygateError("changed-meanwhile", "The incident has changed; read it again.");
  };

  app.openapi(listIncidentsRoute, (c) =>
    c.json({ incidents: incidents.all().map(incidentJson) }, 200),
  );

  app.openapi(showIncidentRoute, (c) => {
    const incident = incidents.get(c.req.valid("param").id);
    if (incident === undefined) throw new TallygateError("not-found", "There is no such incident.");
    return c.json(incidentJson(incident), 200, { ETag: keyTag(incident) });
  });

  app.openapi(createIncidentRoute, (c) => {
    const request = c.req.valid("json");
    const nowMs = Math.floor(clock.wallMs());
    const startedAtMs = near(nowMs, request.startedAt) ?? nowMs;
    const endedAtMs = near(nowMs, request.endedAt) ?? 0;
    const { regions, impact, title, phase, text } = request;
    checkRegions(context, regions);
    return answerOnce(c, {
      body: request,
      headers: (incident) => ({ Location: `/v1/incidents/${incident.id}` }),
      work: () =>
        serial(async () => {
          const entry = auditOf(c, { clock, action: "createIncident", change: request });
          const draft = { regions, impact, title, startedAtMs, endedAtMs, phase, text };
          incidents.check(draft);
          await audit.append({ ...entry, target: "" });
          return incidentJson(await incidents.open(draft));
        }),
    });
  });

  app.openapi(changeIncidentRoute, (c) => {
    const { id } = c.req.valid("param");
    const request = c.req.valid("json");
    const nowMs = Math.floor(clock.wallMs());
    if (request.regions !== undefined) checkRegions(context, request.regions);
    const { startedAt, endedAt, ...same } = request;
    const startedAtMs = near(nowMs, startedAt);
    const change: IncidentChange = {
      ...defined(same),
      ...(startedAtMs !== undefined && { startedAtMs }),
      ...(endedAt !== undefined && { endedAtMs: near(nowMs, endedAt) ?? 0 }),
    };
    return serial(async () => {
      const version = versionFor(id, c.req.valid("header")["if-match"]);
      const entry = auditOf(c, { clock, action: "changeIncident", change: request });
      await audit.append({ ...entry, target: id });
      const changed = await incidents.change(id, version, change);
      return c.json(incidentJson(changed), 200, { ETag: keyTag(changed) });
    });
  });

  app.openapi(updateIncidentRoute, (c) => {
    const { id } = c.req.valid("param");
    const update = c.req.valid("json");
    return serial(async () => {
      const version = versionFor(id, c.req.valid("header")["if-match"]);
      const entry = auditOf(c, { clock, action: "updateIncident", change: update });
      await audit.append({ ...entry, target: id });
      const changed = await incidents.addUpdate(id, version, update);
      return c.json(incidentJson(changed), 200, { ETag: keyTag(changed) });
    });
  });
}

function incidentJson(incident: Incident): IncidentJson {
  const { id, regions, impact, title, hidden, version, updates } = incident;
  return {
    ...{ id, origin: incident.outageOf === "" ? "operator" : "probes" },
    ...{ regions: [...regions], impact, title, hidden, version },
    startedAt: new Date(incident.startedAtMs).toISOString(),
    endedAt: instantOrNull(incident.endedAtMs),
    updates: updates.map(({ atMs, phase, text }) => {
      return { at: new Date(atMs).toISOString(), phase, text };
    }),
  };
}

/** Undefined: left out or null. A time of another age is a slip of the pen. */
function near(nowMs: number, text: string | null | undefined): number | undefined {
  if (text === undefined || text === null) return undefined;
  const ms = Date.parse(text);
  if (Math.abs(ms - nowMs) <= plannedMsMax) return ms;
  throw new TallygateError("request-invalid", "a time of an incident is within a year from now");
}

/** Only names that callers know anyway come to the public page. */
function checkRegions({ config }: ControlContext, regions: readonly string[]): void {
  const known = config().regions.map(({ name }) => name);
  const unknown = regions.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new TallygateError("request-invalid", `regions: the configuration has ${known.join(", ")}`);
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function defined<T extends object>(fields: T): Partial<Defined<T>> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Partial<Defined<T>>;
}
