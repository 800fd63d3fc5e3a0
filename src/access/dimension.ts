/** What a limit counts per, as `per` names it, taken apart. */

import { assert } from "../base/assert.ts";
import type { Dimension } from "../limits/plan.ts";

export type DimensionKind = "key" | "owner" | "ip" | "referer" | "header" | "query" | "path";

/** The canonical name of a checked `per`: header names are in lower case. */
export function dimensionName(per: string): Dimension {
  return (per.startsWith("header:") ? per.toLowerCase() : per) as Dimension;
}

/** The kind, and the name of the header field, query parameter or path parameter ("" for others). */
export function splitDimension(per: Dimension): { kind: DimensionKind; name: string } {
  const colon = per.indexOf(":");
  const kind = (colon < 0 ? per : per.slice(0, colon)) as DimensionKind;
  assert(kinds.includes(kind), `no such dimension: ${per}`);
  return { kind, name: colon < 0 ? "" : per.slice(colon + 1) };
}

const kinds: readonly DimensionKind[] = [
  "key",
  "owner",
  "ip",
  "referer",
  "header",
  "query",
  "path",
];
