/** What the admin API takes and gives about events, owners and the configuration. */

import { z } from "@hono/zod-openapi";
import { keyTextBytesMax } from "../access/key-record.ts";
import { count, instant, planSchema, text } from "./schemas.ts";

export const ownerNameSchema = text(keyTextBytesMax.owner).min(1).openapi({ example: "acme" });

export const pageMax = 1_000;

export const ownerListQuerySchema = z.strictObject({
  after: ownerNameSchema.optional().openapi({ description: "`next` of the page before." }),
  limit: count(1, pageMax, 100),
});

export const ownerListSchema = z
  .object({
    owners: z.array(z.object({ owner: z.string() })),
    next: z.string().nullable(),
  })
  .openapi("OwnerList");

export const ownerSchema = z
  .object({
    owner: z.string(),
    keys: z.number().int(),
    active: z.number().int().openapi({ description: "Neither revoked nor expired." }),
    plans: z.array(z.string()).openapi({ description: "Of the active keys." }),
    since: instant.openapi({ description: "The oldest key's making." }),
    complete: z.boolean().openapi({
      description: "False: there are more keys than a list by owner reaches, and these are some.",
    }),
  })
  .openapi("Owner");

export const eventKinds = ["hub", "region", "warning", "lost", "backup", "config"] as const;

const eventSeq = z
  .string()
  .regex(/^\d{1,15}$/, "a whole number")
  .transform(Number)
  .openapi({ type: "integer" });

export const eventQuerySchema = z.strictObject({
  before: eventSeq.optional().openapi({ description: "`next` of the page before." }),
  limit: count(1, pageMax, 100),
  kind: z.enum(eventKinds).optional(),
  subject: text(128).optional(),
});

export const eventHeadersSchema = z.object({
  "last-event-id": z
    .string()
    .regex(/^\d{1,15}$/, "a whole number")
    .optional()
    .openapi({ description: "Of `text/event-stream`: go on behind this event." }),
});

const eventSchema = z.object({
  seq: z.number().int(),
  at: instant,
  kind: z.enum(eventKinds),
  subject: z.string().openapi({ description: "Region or producer; empty: the hub." }),
  detail: z.string(),
});

export const eventListSchema = z
  .object({
    events: z.array(eventSchema).openapi({ description: "Newest first." }),
    next: z.number().int().nullable(),
  })
  .openapi("EventList");

export const configSchema = z
  .object({
    rulesVersion: z.string().openapi({
      description: "Of plans, routes and keys; regions say theirs in `/v1/regions`.",
    }),
    durability: z.enum(["os", "disk"]),
    signup: z.string(),
    keys: z.object({ prefix: z.string(), from: z.array(z.string()) }),
    regions: z.array(
      z.object({ name: z.string(), listen: z.string(), processes: z.number().int() }),
    ),
    plans: z.array(planSchema),
    upstreams: z.array(z.object({ name: z.string(), targets: z.array(z.string()) })),
    routes: z.array(
      z.object({
        path: z.string(),
        methods: z.array(z.string()).openapi({ description: "Empty: all." }),
        cost: z.number(),
        refundOn: z.array(z.string()),
        target: z.string().openapi({ example: "upstream users" }),
      }),
    ),
  })
  .openapi("Config", {
    description: "What is in force, without what may be secret: header fields, files, addresses.",
  });

/** Characters: a file of a thousand routes. */
export const configTextMax = 200_000;

export const configCheckRequestSchema = z
  .strictObject({
    text: z.string().max(configTextMax),
    format: z.enum(["yaml", "json"]).default("yaml"),
    variables: z
      .record(z.string().max(128), z.string().max(4_096))
      .default({})
      .refine((variables) => Object.keys(variables).length <= 256, "at most 256")
      .openapi({ description: "For `${NAME}`; the hub's own environment is not looked at." }),
  })
  .openapi("ConfigCheckRequest");

export const configCheckSchema = z
  .object({
    ok: z.boolean(),
    problems: z.array(
      z.object({
        line: z.number().int(),
        column: z.number().int(),
        path: z.string(),
        found: z.string(),
        expected: z.string(),
      }),
    ),
    rulesVersion: z.string().nullable().openapi({
      description: "That it would have; equal to the one in force: it decides the same.",
    }),
    waiting: z.array(z.string()).openapi({
      description: "Parts that the hub would take only at its next start.",
    }),
  })
  .openapi("ConfigCheck");

export type OwnerJson = z.infer<typeof ownerSchema>;
export type OwnerListJson = z.infer<typeof ownerListSchema>;
export type ConfigJson = z.infer<typeof configSchema>;
export type EventListJson = z.infer<typeof eventListSchema>;
export type ConfigCheckJson = z.infer<typeof configCheckSchema>;
