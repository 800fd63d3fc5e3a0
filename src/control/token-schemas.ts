/** What the admin API takes and gives about tokens and the audit log. */

import { z } from "@hono/zod-openapi";
import { keyTextBytesMax } from "../access/key-record.ts";
import { count, expiry, instant, text } from "./schemas.ts";

/** Bytes of a token's name. */
const nameBytesMax = 128;

const role = z.enum(["admin", "read-only"]).openapi({
  description: "`read-only` reads everything that the API shows and changes nothing.",
});

const owner = text(keyTextBytesMax.owner).openapi({
  description: "Good for the keys and the usage of this owner only; empty: for all of the API.",
});

export const tokenIdSchema = z
  .string()
  .regex(/^t_[0-9A-Za-z]{1,62}$/, "not a token id, which is t_ and letters and digits")
  .openapi({ example: "t_3mVwQnY8Zr4XcB1tL0a7fQ" });

export const tokenRequestSchema = z
  .strictObject({
    name: text(nameBytesMax).min(1).openapi({ example: "grafana" }),
    role: role.default("read-only"),
    owner: owner.default(""),
    expiresAt: expiry.default(null),
  })
  .openapi("TokenRequest");

export const tokenSchema = z
  .object({
    id: tokenIdSchema,
    name: z.string(),
    role,
    owner,
    createdAt: instant,
    expiresAt: instant.nullable(),
    expired: z.boolean(),
  })
  .openapi("Token");

export const createdTokenSchema = tokenSchema
  .extend({ token: z.string().openapi({ description: "The secret, shown this one time." }) })
  .openapi("CreatedToken");

export const tokenListSchema = z.object({ tokens: z.array(tokenSchema) }).openapi("TokenList");

/** Entries of one page. */
export const auditPageMax = 1_000;

const seq = z
  .string()
  .regex(/^\d{1,15}$/, "a whole number")
  .transform(Number)
  .openapi({ type: "integer" });

const hash = z
  .string()
  .regex(/^[0-9a-f]{64}$/, "64 digits of lower-case hex")
  .openapi({ description: "SHA-256 of the entry and the hash before it." });

export const auditQuerySchema = z.strictObject({
  before: seq.optional().openapi({ description: "`next` of the page before." }),
  limit: count(1, auditPageMax, 100),
  actor: text(64).optional().openapi({ description: "`admin` or the id of a token." }),
  target: text(64).optional().openapi({ description: "Id of what was changed." }),
});

export const auditListSchema = z
  .object({
    entries: z
      .array(
        z.object({
          seq: z.number().int(),
          at: instant,
          actor: z.string().openapi({
            description: "`admin`: the data folder's token; else the id of a token.",
          }),
          action: z.string().openapi({ example: "createKey" }),
          target: z.string(),
          request: z.string().openapi({ description: "The request id, as in the log." }),
          change: z.string().openapi({ description: "JSON of what was asked for." }),
          hash,
        }),
      )
      .openapi({ description: "Newest first." }),
    next: z.number().int().nullable(),
  })
  .openapi("AuditList");

export const auditCheckQuerySchema = z
  .strictObject({ seq: seq.optional(), hash: hash.optional() })
  .refine((query) => (query.seq === undefined) === (query.hash === undefined), {
    error: "seq and hash go together",
  });

export const auditCheckSchema = z
  .object({
    ok: z.boolean(),
    entries: z.number().int(),
    archivedTo: z.number().int().openapi({
      description: "Entries up to this one are in archives, which are checked where they are.",
    }),
    firstBroken: z.number().int().nullable().openapi({
      description: "The first entry that does not follow from the one before it.",
    }),
    head: z
      .object({ seq: z.number().int(), hash })
      .nullable()
      .openapi({ description: "The newest entry. Noted elsewhere, it shows a cut end later." }),
    noted: z.boolean().nullable().openapi({
      description:
        "Whether the entry `seq` has the hash that was given; null: none was, or it is archived.",
    }),
  })
  .openapi("AuditCheck");

export type TokenJson = z.infer<typeof tokenSchema>;
export type CreatedTokenJson = z.infer<typeof createdTokenSchema>;
export type TokenListJson = z.infer<typeof tokenListSchema>;
export type TokenRequestJson = z.input<typeof tokenRequestSchema>;
export type AuditListJson = z.infer<typeof auditListSchema>;
export type AuditCheckJson = z.infer<typeof auditCheckSchema>;
