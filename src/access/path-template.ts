/**
 * Paths made of what a route matched: `/v2/{id}/{*}`, where `{*}` is what the route's `*` stands for. Every placeholder is a whole
 * segment and is filled in as it came, still encoded, so that no dot segment and no second `/` can come about that the door has not seen.
 */

import type { RoutePattern } from "./route-pattern.ts";

export interface PathTemplate {
  /** Text, the number of a segment of the request's path, or of the first that the rest holds. */
  readonly parts: readonly (string | { readonly segment: number } | { readonly rest: number })[];
}

const literalPattern = /^[A-Za-z0-9._~!$&'()+,;=:@%-]*$/;

/** `text` begins with `/`. */
export function parsePathTemplate(
  text: string,
  pattern: RoutePattern,
): PathTemplate | { readonly error: string } {
  if (!text.startsWith("/")) return { error: "a path that begins with /" };
  const parts: PathTemplate["parts"][number][] = [];
  const segments = text.slice(1).split("/");
  for (const [i, segment] of segments.entries()) {
    const name = /^\{(.*)\}$/.exec(segment)?.[1];
    if (name === "*") {
      if (i < segments.length - 1) return { error: "{*} only as the last segment" };
      const rest = pattern.segments.findIndex(({ kind }) => kind === "rest");
      if (rest < 0) return { error: "{*} only where the route's path ends in *" };
      parts.push("/", { rest });
    } else if (name !== undefined) {
      const at = pattern.segments.findIndex((one) => one.kind === "parameter" && one.name === name);
      if (at < 0) return { error: `a parameter of the route instead of {${name}}` };
      parts.push("/", { segment: at });
    } else if (!literalPattern.test(segment) || /^(\.|%2e){1,2}$/i.test(segment)) {
      return { error: "segments of plain characters, {parameter} for a whole segment, or {*}" };
    } else parts.push(`/${segment}`);
  }
  if (text.includes("//")) return { error: "a path without empty segments" };
  return { parts };
}

/** `path` is one that the route matched. The result begins with exactly one `/`. */
export function fillPathTemplate({ parts }: PathTemplate, path: string): string {
  const segments = path.slice(1).split("/");
  let out = "";
  for (const part of parts) {
    if (typeof part === "string") out += part;
    else if ("segment" in part) out += segments[part.segment] ?? "";
    else out += segments.slice(part.rest).join("/");
  }
  // A rest may begin with an empty segment; two slashes would name a host in a redirect.
  return out.replace(/^\/+/, "/");
}
