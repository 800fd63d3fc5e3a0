/**
 * What the admin API takes and gives. One set of schemas validates requests, types the handlers and
 * the command line, and becomes the OpenAPI document.
 */

import { z } from "@hono/zod-openapi";
import { parseDuration } from "../access/config-values.ts";
import { keyTextBytesMax, restrictionsMax } from "../access/key-record.ts";

const encoder = new TextEncoder();

/** A text of at most `bytesMax` bytes of UTF-8 without control characters, nor halves of characters. */
export function text(bytesMax: number) {
  return z
    .string()
    .refine((value) => encoder.encode(value).length <= bytesMax, `at most ${bytesMax} bytes`)
    .refine((value) => !/\p{Cc}/u.test(value), "no control characters")
    .refine((value) => value.isWellFormed(), "no half of a surrogate pair");
}

/** An instant in requests: `2026-12-01`, `2026-12-01T00:00:00Z`, with an offset if not Z. */
export const instantInput = z
  .union(
    [z.iso.datetime({ offset: true }), z.iso.date()],
    "an ISO 8601 date, or a time with a zone",
  )
  .openapi({ example: "2026-12-01T00:00:00Z" });

export const instant = z.iso.datetime().openapi({ example: "2026-12-01T00:00:00.000Z" });

export const keyIdSchema = z
  .string()
  .regex(/^k_[0-9A-Za-z]{1,62}$/, "not a key id, which is k_ and letters and digits")
  .openapi({ example: "k_7fQ2mVwQnY8Zr4XcB1tL0a" });

const restrictionList = z
  .array(text(keyTextBytesMax.restriction).min(1))
  .max(restrictionsMax)
  .openapi({ description: "Empty: not restricted." });

export const restrictionsSchema = z
  .strictObject({
    referers: restrictionList.openapi({ example: ["example.com", "*.example.com"] }),
    addresses: restrictionList.openapi({ example: ["203.0.113.0/24"] }),
    routes: restrictionList.openapi({ example: ["/{ip}"] }),
  })
  .openapi("Restrictions");

export const expiry = instantInput
  .nullable()
  .openapi({ description: "From this instant on the key is refused; null: never." });

export const keyRequestSchema = z
  .strictObject({
    plan: text(keyTextBytesMax.plan).min(1).openapi({ example: "pro" }),
    name: text(keyTextBytesMax.name).default("").openapi({ description: "For people." }),
    owner: text(keyTextBytesMax.owner)
      .default("")
      .openapi({ description: "Whose key it is: limits `per: owner` and reports sum by it." }),
    expiresAt: expiry.default(null),
    mode: z.enum(["live", "test"]).default("live"),
    restrict: restrictionsSchema.partial().default({}),
  })
  .openapi("KeyRequest");

export const keyChangeSchema = z
  .strictObject({
    plan: text(keyTextBytesMax.plan).min(1),
    name: text(keyTextBytesMax.name),
    expiresAt: expiry,
    restrict: restrictionsSchema.partial().openapi({ description: "Lists left out stay." }),
  })
  .partial()
  .refine((change) => Object.keys(change).length > 0, "at least one field to change")
  .openapi("KeyChange");

/** Longest overlap of a rotation: a quarter of a year. */
export const overlapMsMax = 92 * 86_400_000;

export const rotationSchema = z
  .strictObject({
    overlap: z
      .string()
      .refine((value) => (parseDuration(value) ?? overlapMsMax + 1) <= overlapMsMax, {
        error: "a duration of at most 92d: 0s, 30m, 24h, 7d",
      })
      .default("24h")
      .openapi({ description: "How long the older secrets still work.", example: "24h" }),
  })
  .openapi("Rotation");

export const keySchema = z
  .object({
    id: keyIdSchema,
    plan: z.string(),
    name: z.string(),
    owner: z.string(),
    createdAt: instant,
    expiresAt: instant.nullable(),
    revoked: z.boolean(),
    restrict: restrictionsSchema,
    version: z.number().int().openapi({ description: "The ETag." }),
    credentials: z
      .array(
        z.object({
          id: z.string().openapi({ example: "c_1Zr4XcB1tL0" }),
          createdAt: instant,
          expiresAt: instant.nullable(),
          revoked: z.boolean(),
        }),
      )
      .openapi({ description: "Its secrets: more than one while a rotation overlaps." }),
  })
  .openapi("Key");

export const createdKeySchema = keySchema
  .extend({ key: z.string().openapi({ description: "The secret, shown this one time." }) })
  .openapi("CreatedKey");

/** Keys of one page. */
export const keyPageMax = 1_000;

export function count(min: number, max: number, byDefault: number) {
  const what = `a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,12}$/, what)
    .transform(Number)
    .pipe(z.number().int().min(min, what).max(max, what))
    .default(byDefault)
    .openapi({ type: "integer", minimum: min, maximum: max, default: byDefault });
}

export const keyListQuerySchema = z.strictObject({
  after: keyIdSchema.optional().openapi({ description: "`next` of the page before." }),
  limit: count(1, keyPageMax, 100),
  owner: text(keyTextBytesMax.owner).optional(),
});

export const keyListSchema = z
  .object({
    keys: z.array(keySchema),
    next: keyIdSchema
      .nullable()
      .openapi({ description: "`after` of the next page; null: the last." }),
  })
  .openapi("KeyList");

export const usageDimensions = [
  "key",
  "owner",
  "ip",
  "referer",
  "route",
  "region",
  "plan",
] as const;

/** Rows of one page. */
export const usagePageMax = 10_000;
/** `top` at most: beyond it nobody reads a ranking. */
export const usageTopMax = 10_000;

const filter = text(512).optional();

export const usageQuerySchema = z.strictObject({
  by: z.enum(usageDimensions).default("key"),
  window: z.enum(["hour", "day", "month", "total"]).default("month"),
  from: instantInput
    .optional()
    .openapi({ description: "Inclusive, rounded down to the hour. Default: this month's start." }),
  to: instantInput
    .optional()
    .openapi({ description: "Exclusive, rounded up to the hour. Default: the end of this hour." }),
  top: count(0, usageTopMax, 0).openapi({ description: "Highest by units, per window; 0: all." }),
  limit: count(1, usagePageMax, 1_000),
  format: z
    .enum(["json", "csv", "jsonl"])
    .optional()
    .openapi({ description: "Goes before `Accept`: for links." }),
  cursor: z.string().max(64).optional().openapi({ description: "`next` of the page before." }),
  key: filter,
  owner: filter,
  ip: filter,
  referer: filter,
  route: filter,
  region: filter,
  plan: filter,
});

export const usageSchema = z
  .object({
    by: z.enum(usageDimensions),
    window: z.enum(["hour", "day", "month", "total"]),
    from: instant,
    to: instant,
    rows: z.array(
      z.object({
        window: z.string().openapi({ description: "Start of the window; empty for `total`." }),
        value: z.string(),
        calls: z.number(),
        units: z.number(),
        refundedCalls: z.number(),
        refundedUnits: z.number(),
      }),
    ),
    next: z.string().nullable(),
  })
  .openapi("Usage");

export const planSchema = z
  .object({
    name: z.string(),
    anonymous: z.boolean().openapi({ description: "The plan of calls without a key." }),
    limits: z.array(
      z.object({
        name: z.string(),
        per: z.string(),
        quota: z.number(),
        window: z.string(),
        scope: z.enum(["region", "global"]),
        enforcement: z.enum(["soft", "strict", "shadow"]),
        stalenessMs: z.number(),
        onFailure: z.enum(["deny", "allow"]),
        missing: z.enum(["skip", "share", "deny"]),
      }),
    ),
  })
  .openapi("Plan");

export const planListSchema = z.object({ plans: z.array(planSchema) }).openapi("PlanList");

export type KeyJson = z.infer<typeof keySchema>;
export type CreatedKeyJson = z.infer<typeof createdKeySchema>;
export type KeyListJson = z.infer<typeof keyListSchema>;
export type KeyRequestJson = z.input<typeof keyRequestSchema>;
export type UsageJson = z.infer<typeof usageSchema>;
export type UsageParameters = z.output<typeof usageQuerySchema>;
export type PlanListJson = z.infer<typeof planListSchema>;
