/** What `/v1/incidents` takes and gives, and the public status. */

import { z } from "@hono/zod-openapi";
import { impacts, incidentTextMax, incidentTitleMax, phases } from "../status/incident.ts";
import { instant, instantInput, text } from "./schemas.ts";

const regionsMax = 64;
const title = text(incidentTitleMax).min(1).openapi({ example: "Slow answers in sydney" });
const words = z
  .string()
  .min(1)
  .max(incidentTextMax)
  .refine((value) => !/[^\P{Cc}\n]/u.test(value), "no control characters but line ends")
  .refine((value) => value.isWellFormed(), "no half of a surrogate pair")
  .openapi({ example: "A provider of ours is repairing a cable. Calls take longer." });
const regions = z
  .array(text(32).min(1))
  .max(regionsMax)
  .openapi({ description: "Names of regions; empty: it concerns all, or no one in particular." });
const impact = z.enum(impacts);
const phase = z.enum(phases);

export const incidentIdSchema = z
  .string()
  .regex(/^[0-9a-f]{16}$/, "not an incident's id, which is 16 hex digits")
  .openapi({ example: "9f2c51d06b7ae384" });

export const incidentUpdateSchema = z
  .strictObject({ phase, text: words })
  .openapi("IncidentUpdateRequest");

export const incidentRequestSchema = z
  .strictObject({
    regions: regions.default([]),
    impact,
    title,
    startedAt: instantInput.optional().openapi({ description: "Default: now." }),
    endedAt: instantInput.nullable().default(null).openapi({ description: "null: it goes on." }),
    phase: phase.default("investigating"),
    text: words,
  })
  .openapi("IncidentRequest");

export const incidentChangeSchema = z
  .strictObject({
    regions,
    impact,
    title,
    startedAt: instantInput,
    endedAt: instantInput
      .nullable()
      .openapi({ description: "null: it goes on after all. Probes end what they opened." }),
    hidden: z.boolean().openapi({ description: "Taken off the public page and the feed." }),
  })
  .partial()
  .refine((change) => Object.keys(change).length > 0, "at least one field to change")
  .openapi("IncidentChange");

export const incidentSchema = z
  .object({
    id: z.string(),
    origin: z.enum(["probes", "operator"]),
    regions: z.array(z.string()),
    impact,
    title: z.string(),
    startedAt: instant,
    endedAt: instant.nullable(),
    hidden: z.boolean(),
    version: z.number(),
    updates: z
      .array(z.object({ at: instant, phase, text: z.string() }))
      .openapi({ description: "Oldest first." }),
  })
  .openapi("Incident");

export const incidentListSchema = z
  .object({ incidents: z.array(incidentSchema) })
  .openapi("IncidentList");

const state = z.enum(["up", "degraded", "down", "unknown"]);
const figures = z.array(z.number().nullable());
const periods = z.object({
  from: z.string(),
  availability: figures,
  p50Ms: figures,
  p95Ms: figures,
});

export const publicStatusSchema = z
  .object({
    servedBy: z.string().nullable().openapi({ description: "The region; null: the hub itself." }),
    ageMs: z.number().openapi({ description: "Since the hub was last heard." }),
    name: z.string().openapi({ description: 'Of the API; "": not said.' }),
    generatedAt: instant,
    state,
    regions: z.array(
      z.object({
        name: z.string(),
        state,
        since: instant.nullable(),
        availability: z.number().nullable().openapi({ description: "Of 90 days, 0 to 1." }),
        p50Ms: z.number().nullable(),
        p95Ms: z.number().nullable(),
        days: periods.openapi({ description: "90 of them; the last is today." }),
        hours: periods.openapi({ description: "48 of them; the last is this one." }),
      }),
    ),
    incidents: z.array(
      z.object({
        id: z.string(),
        regions: z.array(z.string()),
        impact,
        title: z.string(),
        startedAt: instant,
        endedAt: instant.nullable(),
        changedAt: instant,
        updates: z
          .array(z.object({ at: instant, phase: z.string(), text: z.string() }))
          .openapi({ description: "Newest first." }),
      }),
    ),
  })
  .openapi("PublicStatus");

export type IncidentJson = z.infer<typeof incidentSchema>;
