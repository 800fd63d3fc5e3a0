/** What the portal's API takes and gives. */

import { z } from "@hono/zod-openapi";
import { keyTextBytesMax } from "../../access/key-record.ts";
import {
  expiry,
  instant,
  keySchema,
  restrictionsSchema,
  rotationSchema,
  text,
} from "../schemas.ts";

/** Characters of an address (RFC 5321, 4.5.3.1.3). */
const emailLengthMax = 254;

export const emailSchema = z
  .string()
  .max(emailLengthMax)
  .trim()
  .toLowerCase()
  .pipe(z.email("not an e-mail address"))
  .openapi({ type: "string", example: "ann@example.com" });

/** Base62 of 32 bytes, as a link carries it. */
export const linkToken = z.string().regex(/^[0-9A-Za-z]{43}$/, "not what a link carries");

export const signUpSchema = z.strictObject({ email: emailSchema }).openapi("SignUp");
export const linkSchema = z.strictObject({ token: linkToken }).openapi("Link");

export const openLinkSchema = z
  .object({
    email: z.string(),
    isNew: z.boolean().openapi({ description: "Nobody has used this address here before." }),
  })
  .openapi("OpenLink");

export const personKeySchema = keySchema.omit({ owner: true }).openapi("PersonKey");
export const personCreatedKeySchema = personKeySchema
  .extend({ key: z.string().openapi({ description: "The secret, shown this one time." }) })
  .openapi("PersonCreatedKey");
export const personKeyListSchema = z
  .object({
    keys: z.array(personKeySchema).openapi({ description: "The newest first." }),
    keysMax: z.number().int().openapi({ description: "That can be valid at one time." }),
  })
  .openapi("PersonKeyList");

export const personSchema = z
  .object({
    email: z.string(),
    id: z.string().openapi({ description: "To be named to the operator." }),
    since: instant,
    csrfToken: z
      .string()
      .openapi({ description: "To be sent in `x-csrf-token` with every change." }),
  })
  .openapi("Person");

export const enteredSchema = personSchema
  .extend({
    firstKey: personCreatedKeySchema
      .nullable()
      .openapi({ description: "Made with the person: null for one who was here before." }),
  })
  .openapi("Entered");

export const personKeyRequestSchema = z
  .strictObject({
    name: text(keyTextBytesMax.name).default(""),
    mode: z.enum(["live", "test"]).default("live"),
    expiresAt: expiry.default(null),
    restrict: restrictionsSchema.partial().default({}),
  })
  .openapi("PersonKeyRequest");

export const personKeyChangeSchema = z
  .strictObject({
    name: text(keyTextBytesMax.name),
    expiresAt: expiry,
    restrict: restrictionsSchema.partial().openapi({ description: "Lists left out stay." }),
  })
  .partial()
  .refine((change) => Object.keys(change).length > 0, "at least one field to change")
  .openapi("PersonKeyChange");

export const personRotationSchema = rotationSchema;

const limitSchema = z.object({
  name: z.string(),
  per: z.string(),
  quota: z.number(),
  window: z.string(),
  used: z
    .number()
    .nullable()
    .openapi({ description: "Units since the window began; null: it is too short to be told." }),
  endsAt: instant.nullable(),
});

const countsSchema = z.object({ calls: z.number(), units: z.number() });
const pointSchema = z.object({
  start: instant,
  units: z.array(z.number()).openapi({ description: "By region, in the order of `regions`." }),
});

export const personUsageSchema = z
  .object({
    at: instant,
    regions: z.array(z.string()),
    today: countsSchema,
    month: countsSchema,
    hours: z.array(pointSchema).openapi({ description: "Of today in UTC, up to this hour." }),
    days: z.array(pointSchema).openapi({ description: "Of this month in UTC, up to today." }),
    keys: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        plan: z.string(),
        today: z.number(),
        month: z.number(),
        limits: z.array(limitSchema),
      }),
    ),
  })
  .openapi("PersonUsage");

export const rejectionListSchema = z
  .object({
    rejections: z
      .array(
        z.object({
          key: z.string(),
          region: z.string(),
          route: z.string(),
          reason: z.string().openapi({
            description:
              "`limited:<limit>`: a limit of the plan; else a reason of the gateway's error table.",
          }),
          count: z.number(),
          lastAt: instant,
        }),
      )
      .openapi({ description: "Of the last 24 hours as far as they are kept, the latest first." }),
  })
  .openapi("RejectionList");

export const brandSchema = z
  .object({
    name: z.string(),
    logo: z.boolean(),
    reference: z.boolean(),
    canSignUp: z.boolean(),
    plan: z.object({
      name: z.string(),
      limits: z.array(
        z.object({
          name: z.string(),
          per: z.string(),
          quota: z.number(),
          window: z.string(),
        }),
      ),
    }),
    keyFrom: z.string().openapi({ description: "Where calls carry a key, first choice." }),
    links: z.array(z.object({ label: z.string(), url: z.string() })),
    regions: z.array(z.object({ name: z.string(), url: z.string() })),
    routes: z.array(z.object({ method: z.string(), path: z.string() })),
    person: personSchema.nullable().openapi({ description: "Who has logged in; null: nobody." }),
  })
  .openapi("Brand");

export type PersonJson = z.infer<typeof personSchema>;
export type EnteredJson = z.infer<typeof enteredSchema>;
export type OpenLinkJson = z.infer<typeof openLinkSchema>;
export type PersonKeyJson = z.infer<typeof personKeySchema>;
export type PersonCreatedKeyJson = z.infer<typeof personCreatedKeySchema>;
export type PersonKeyListJson = z.infer<typeof personKeyListSchema>;
export type PersonUsageJson = z.infer<typeof personUsageSchema>;
export type RejectionListJson = z.infer<typeof rejectionListSchema>;
export type BrandJson = z.infer<typeof brandSchema>;
