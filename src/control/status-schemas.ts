/** What the admin API says of the cluster: regions, status, verification. */

import { z } from "@hono/zod-openapi";

const instant = z.iso.datetime();

const version = z
  .object({ epoch: z.number().int(), position: z.number().int() })
  .openapi("Version", { description: "Totals of one epoch at one position of the usage stream." });

export const processSchema = z
  .object({
    producer: z.string(),
    process: z.number().int(),
    listen: z.string(),
    connected: z.boolean(),
    heardAgoMs: z.number(),
    view: version,
    viewBehind: z.number().openapi({ description: "Records that its view is behind the hub's." }),
    registryVersion: z.number(),
    unacknowledgedUnits: z.number(),
    oldestUnacknowledgedMs: z.number(),
    journalBytes: z.number(),
    journalState: z.string(),
    callsPerSecond: z.number(),
    lagP50Ms: z.number(),
    lagP99Ms: z.number(),
    peakUnits: z.number().openapi({ description: "Most units charged in 250 ms, of late." }),
    roundTripMs: z.number(),
    rulesVersion: z.string().openapi({
      description: "Of the plans, routes and keys that it runs with; the same everywhere.",
    }),
    config: z.string().openapi({
      description: "Id of the applied configuration that it runs with; empty: its file.",
    }),
    configProblem: z.string().openapi({
      description: "Why it did not take the newest one; empty: it did.",
    }),
    watermarks: z.array(z.object({ incarnation: z.string(), seq: z.number() })),
    calls: z
      .object({
        at: instant,
        outcomes: z.record(z.string(), z.number()).openapi({
          description:
            "Calls that ended since its start, by outcome; those without calls left out.",
          example: { admitted: 1_200, limited: 3 },
        }),
        overheadP50Ms: z.number(),
        overheadP99Ms: z.number().openapi({
          description: "Time that it added to calls, over the last minute or so.",
        }),
      })
      .nullable(),
    keyLagMs: z.number().nullable().openapi({
      description:
        "From the newest change of a key at the hub to its being in force here; null: none came since its start.",
    }),
  })
  .openapi("Process");

export const regionSchema = z
  .object({
    name: z.string(),
    listen: z.string(),
    location: z
      .object({ latitude: z.number(), longitude: z.number() })
      .nullable()
      .openapi({ description: "As configured, or what its name says; null: not known." }),
    health: z.enum(["up", "degraded", "down"]).openapi({
      description: "up: every process is connected, heard of lately and can record; down: none is.",
    }),
    processes: z.array(processSchema),
  })
  .openapi("Region");

export const regionListSchema = z
  .object({
    version,
    keysFrom: z.array(z.string()).openapi({
      description: "Where callers put a key.",
      example: ["header:x-api-key", "bearer"],
    }),
    regions: z.array(regionSchema),
  })
  .openapi("RegionList");

const overshootSchema = z
  .object({
    boundUnits: z.number().openapi({
      description:
        "What one counter may come to hold beyond its quota with the peaks and lags of late. Whole processes and p99 lags: an estimate from above, no promise.",
    }),
    unnamed: z.number().openapi({
      description: "Counters above a quota that could not be held against a plan.",
    }),
    closed: z
      .array(
        z.object({
          plan: z.string(),
          limit: z.string(),
          window: z.string(),
          counters: z.number(),
          units: z.number(),
          largestUnits: z.number(),
          unitsTotal: z.number(),
          boundUnits: z.number(),
        }),
      )
      .openapi({
        description:
          "Per limit the newest window that closed: counters beyond the quota, their units beyond it, the most of one counter, those of all windows since the hub's start, and the highest bound while it ran.",
      }),
  })
  .openapi("Overshoot");

const leaseSchema = z
  .object({
    counters: z.number(),
    heldUnits: z.number(),
    consumedUnits: z.number(),
    unusedUnits: z.number().openapi({
      description:
        "Held and not charged yet, as far as the hub knows: stranded if nobody spends it.",
    }),
    fencedUntil: instant.nullable().openapi({
      description:
        "Strict limits grant nothing in windows that begin before this; null: the hub was never restored or replaced.",
    }),
  })
  .openapi("Leases", {
    description: "Quota of strict limits handed to processes, in live windows.",
  });

export const statusSchema = z
  .object({
    clusterId: z.string(),
    version,
    time: instant,
    checkpoint: z.object({ position: z.number(), at: instant.nullable() }),
    stream: z.object({ first: z.number(), last: z.number(), bytes: z.number() }),
    ledgerBytes: z.number(),
    registry: z.object({ version: z.number(), keys: z.number() }),
    rulesVersion: z.string().openapi({
      description: "Of the plans, routes and keys that the hub runs with.",
    }),
    backup: z
      .object({ position: z.number(), at: instant })
      .nullable()
      .openapi({ description: "null: none was ever made; losing the hub's disk loses counts." }),
    counters: z.number(),
    gaps: z.array(z.object({ producer: z.string(), from: z.number() })),
    lost: z.array(z.object({ producer: z.string(), from: z.number(), to: z.number() })),
    warnings: z.array(z.string()),
    overshoot: overshootSchema,
    leases: leaseSchema,
    regions: z.array(regionSchema),
  })
  .openapi("Status");

export const verifySchema = z
  .object({
    ok: z.boolean(),
    version,
    sealedPosition: z.number(),
    records: z.number(),
    counters: z.number(),
    rows: z.number(),
    differences: z.array(
      z.object({
        where: z.string().openapi({ example: "seoul/0" }),
        window: z.string(),
        subject: z.string(),
        expected: z.number(),
        found: z.number(),
      }),
    ),
    differenceCount: z.number(),
    regions: z.array(z.object({ name: z.string(), process: z.number(), result: z.string() })),
    problems: z.array(z.string()),
  })
  .openapi("VerifyReport");

export type RegionJson = z.infer<typeof regionSchema>;
export type RegionListJson = z.infer<typeof regionListSchema>;
export type StatusJson = z.infer<typeof statusSchema>;
export type VerifyJson = z.infer<typeof verifySchema>;
