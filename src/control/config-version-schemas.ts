/** What the admin API takes and gives about applied configurations. */

import { z } from "@hono/zod-openapi";
import { configTextMax, pageMax } from "./cluster-schemas.ts";
import { count, instant, text } from "./schemas.ts";

/** Bytes of a version's note. */
const noteBytesMax = 256;

const note = text(noteBytesMax).openapi({ description: "For people.", example: "raise pro to 2M" });

const numberText = z
  .string()
  .regex(/^\d{1,15}$/, "a whole number")
  .transform(Number)
  .openapi({ type: "integer" });

export const configApplySchema = z
  .strictObject({
    text: z.string().max(configTextMax),
    format: z.enum(["yaml", "json"]).default("yaml"),
    note: note.default(""),
  })
  .openapi("ConfigApply", {
    description:
      "A whole configuration. `${NAME}` is replaced and files are looked for on each machine by itself.",
  });

export const configNoteSchema = z.strictObject({ note: note.default("") }).openapi("ConfigNote");

export const configNumberSchema = z.object({ number: numberText });

export const configVersionListQuerySchema = z.strictObject({
  before: numberText.optional().openapi({ description: "`next` of the page before." }),
  limit: count(1, pageMax, 100),
});

const head = z.object({
  number: z.number().int(),
  at: instant,
  actor: z.string().openapi({ description: "`admin`, or the id of a token." }),
  note: z.string(),
  format: z.enum(["yaml", "json", "files"]).openapi({
    description: "`files`: from then on each process goes by its own file again.",
  }),
  characters: z.number().int(),
  inForce: z.boolean(),
});

export const configVersionSchema = head
  .extend({
    id: z.string().openapi({ description: "What regions name it by; the ETag." }),
    text: z.string(),
  })
  .openapi("ConfigVersion");

export const configVersionListSchema = z
  .object({
    versions: z.array(head.openapi("ConfigHead")).openapi({ description: "Newest first." }),
    next: z.number().int().nullable(),
  })
  .openapi("ConfigVersionList");

export type ConfigVersionJson = z.infer<typeof configVersionSchema>;
export type ConfigVersionListJson = z.infer<typeof configVersionListSchema>;
export type ConfigApplyJson = z.input<typeof configApplySchema>;
