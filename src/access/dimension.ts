/** What a limit counts per, as `per` names it, taken apart. */

import { assert } from "../base/assert.ts";
import type { Dimension } from "../limits/plan.ts";

/** `ip-block`: the IPv6 block around the address, of a shorter prefix than what is one caller. */
export type DimensionKind =
  | "key"
  | "owner"
  | "ip"
  | "ip-block"
  | "referer"
  | "header"
  | "query"
  | "path";

/** The canonical name of a checked `per`: header names are in lower case. */
export function dimensionName(per: string): Dimension {
  return (per.startsWith("header:") ? per.toLowerCase() : per) as Dimension;
}

/** The kind, and the name of the header field, query parameter or path parameter, or a block's prefix ("" for others). */
export function splitDimension(per: Dimension): { kind: DimensionKind; name: string } {
  if (per.startsWith("ip/")) return { kind: "ip-block", name: per.slice("ip/".length) };
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
