/** What the admin API says of this moment: rates by region and outcome, and who is near a limit. */

import { z } from "@hono/zod-openapi";
import { instant } from "./schemas.ts";
import { statusSchema } from "./status-schemas.ts";

const perSecond = z.number().openapi({ description: "Calls a second." });

const ratesSchema = z.object({
  answered: perSecond,
  limited: perSecond.openapi({ description: "Over a limit." }),
  refused: perSecond.openapi({ description: "Not let in: no or a wrong key, no such route." }),
  failed: perSecond.openapi({ description: "Upstream, handler or gateway failed." }),
});

const series = z.array(z.number());

export const liveSchema = z
  .object({
    at: instant,
    everyMs: z.number().int(),
    history: z
      .object({
        times: z.array(z.number()).openapi({ description: "Epoch milliseconds." }),
        regions: z.record(
          z.string(),
          z.object({ answered: series, limited: series, refused: series, failed: series }),
        ),
      })
      .openapi({ description: "Oldest first; the same number of values everywhere." }),
    rates: z.record(z.string(), ratesSchema),
    outcomes: z.record(z.string(), z.number()).openapi({
      description: "Calls by outcome within the history, in all regions.",
    }),
    status: statusSchema,
  })
  .openapi("Live");

/** The events of the stream after the first, which is a `Live`. */
export type LiveJson = z.infer<typeof liveSchema>;
export type LiveMomentJson = Omit<LiveJson, "history" | "everyMs">;

export const nearLimitsSchema = z
  .object({
    at: instant.nullable().openapi({ description: "null: the first look is under way." }),
    share: z.number().openapi({ description: "Of the quota: from here on a counter is near." }),
    counters: z
      .array(
        z.object({
          plan: z.string(),
          limit: z.string(),
          window: z.string().openapi({ example: "day/2026-11-21T00:00:00Z" }),
          subject: z.string().openapi({ example: "key:k_4fT9aQ2bXd1" }),
          used: z.number(),
          quota: z.number(),
        }),
      )
      .openapi({ description: "Highest share first; windows of an hour or more that run." }),
    more: z.number().int().openapi({ description: "Others that are not listed." }),
  })
  .openapi("NearLimits");

export type NearLimitsJson = z.infer<typeof nearLimitsSchema>;
