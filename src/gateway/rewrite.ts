/** What a route changes of a call on its way to an upstream, and of every reply to an admitted call. */

import type { FieldRules, RouteTarget } from "../access/compiled-config.ts";
import { fillPathTemplate } from "../access/path-template.ts";

/** Applies the rules in place: fields are taken out by name, others put behind what is left. */
export function rewriteFields(headers: string[], rules: FieldRules | undefined): string[] {
  if (rules === undefined) return headers;
  const { replaced, added } = rules;
  if (replaced.size > 0) {
    for (let i = headers.length - 2; i >= 0; i -= 2) {
      if (replaced.has((headers[i] as string).toLowerCase())) headers.splice(i, 2);
    }
  }
  headers.push(...added);
  return headers;
}

/** The path that an upstream is asked for. `path` is one that the route matched. */
export function upstreamPath(
  target: Extract<RouteTarget, { kind: "upstream" }>,
  path: string,
): string {
  const { rewrite, stripPrefix } = target;
  return rewrite === undefined ? stripped(path, stripPrefix) : fillPathTemplate(rewrite, path);
}

/** The path without the prefix, which ends at a segment's end; always begins with `/`. */
function stripped(path: string, prefix: string): string {
  if (prefix === "" || !path.startsWith(prefix)) return path;
  const rest = path.slice(prefix.length);
  if (rest === "") return "/";
  return rest.startsWith("/") ? rest : path;
}
