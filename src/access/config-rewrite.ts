/** What a route changes of a call and its reply: `requestHeaders`, `responseHeaders`. */

import * as z from "zod";
import type { FieldRules } from "./compiled-config.ts";
import { group, list, text } from "./config-fields.ts";
import type { ConfigPath, ProblemList } from "./config-problem.ts";
import { hopByHopFields, ownFields } from "./field-names.ts";

const rulesMax = 64;
const valueLengthMax = 4_096;

const fieldName = text(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, "the name of a header field");
// A line break in a value would begin a field of its own.
const fieldValue = text(
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a tab is allowed, the rest is what is refused.
  /^[\t\x20-\x7e\x80-\xff]{0,4096}$/,
  `a value of at most ${valueLengthMax} characters, without line breaks`,
);
const fields = z
  .record(fieldName, fieldValue, { error: "a group of fields and their values" })
  .refine((all) => Object.keys(all).length <= rulesMax, {
    error: `at most ${rulesMax} fields`,
  });

export const fieldRulesSchema = group({
  set: fields.optional().describe("Fields with their value, in place of those that were there."),
  add: fields.optional().describe("Fields added to those that were there."),
  remove: list(fieldName, 0, rulesMax).optional().describe("Fields taken out, before all else."),
});

/** Of the connection and of the body's length, which are settled when these rules run, and what the gateway says itself. */
const settledFields = {
  request: [...hopByHopFields, "content-length", "expect", "host", "via"],
  response: [...hopByHopFields, "content-length", "expect", ...ownFields],
} as const;

export function compileFieldRules(
  written: z.infer<typeof fieldRulesSchema> | undefined,
  of: keyof typeof settledFields,
  at: { readonly path: ConfigPath; readonly problems: ProblemList },
): FieldRules | undefined {
  if (written === undefined) return undefined;
  const names = (some: Readonly<Record<string, string>> = {}): [string, string][] =>
    Object.entries(some).map(([name, value]) => [name.toLowerCase(), value]);
  const set = names(written.set);
  const add = names(written.add);
  const removed = (written.remove ?? []).map((name) => name.toLowerCase());
  const settled: readonly string[] = settledFields[of];
  for (const name of [...set.map(([one]) => one), ...add.map(([one]) => one), ...removed]) {
    if (!settled.includes(name)) continue;
    at.problems.add(at.path, "fields that are not the gateway's own or the connection's", {
      text: name,
    });
  }
  return {
    replaced: new Set([...removed, ...set.map(([name]) => name)]),
    added: [...set, ...add].flat(),
  };
}
