/** The operator's OpenAPI document, for the portal's reference. */

import { parse } from "yaml";
import { resolveBeside } from "./config-paths.ts";
import type { ProblemList } from "./config-problem.ts";

/** Characters of the document; that of a large API has a few hundred thousand. */
export const referenceLengthMax = 2 * 2 ** 20;
/** Aliases in it that are followed: a few lines must not become gigabytes. */
const aliasesMax = 100;

export interface ReferenceContext {
  readonly file: string;
  readonly readText: (path: string) => string | undefined;
  readonly problems: ProblemList;
}

/** Undefined: none is named, or it is not one, which is among the problems then. */
export function readReference(
  named: string | undefined,
  { file, readText, problems }: ReferenceContext,
): object | undefined {
  if (named === undefined) return undefined;
  const text = readText(resolveBeside(file, named));
  // Whoever checks a configuration from afar sees no files.
  if (text === "") return undefined;
  const document = text === undefined || text.length > referenceLengthMax ? undefined : read(text);
  if (document !== undefined) return document;
  problems.add(
    ["portal", "openapi"],
    `a file of at most ${referenceLengthMax} characters with an OpenAPI document of version 3`,
    { value: named },
  );
  return undefined;
}

function read(text: string): object | undefined {
  try {
    const value: unknown = text.trimStart().startsWith("{")
      ? JSON.parse(text)
      : parse(text, { maxAliasCount: aliasesMax });
    if (typeof value !== "object" || value === null || !("openapi" in value)) return undefined;
    if (!("paths" in value) || !String(value.openapi).startsWith("3.")) return undefined;
    return value;
  } catch {
    return undefined;
  }
}
