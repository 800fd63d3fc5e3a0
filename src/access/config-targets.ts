/** Routes that the gateway answers itself: `redirect`, `reply`, `files`. */

import * as z from "zod";
import type { RouteTarget } from "./compiled-config.ts";
import { group, oneOf, text, wholeNumber } from "./config-fields.ts";
import { resolveBeside } from "./config-paths.ts";
import type { ConfigPath, ProblemList } from "./config-problem.ts";
import { compileFieldRules, fieldRulesSchema } from "./config-rewrite.ts";
import { parsePathTemplate } from "./path-template.ts";
import type { RoutePattern } from "./route-pattern.ts";

/** A reply is kept in memory and sent as one piece. */
const replyBodyMax = 65_536;

const redirectStatuses = { "301": 301, "302": 302, "303": 303, "307": 307, "308": 308 } as const;

export const redirectSchema = group({
  to: text(
    /^(https?:\/\/[^\s/?#{}@\\]+)?\/[^\s#\\]*$/,
    "a path or URL such as /v2/{*} or https://example.com/{id}, with placeholders in the path only",
  ).describe(
    "Where to; {name} and {*} stand for what the route's path matched. The query goes along unless this has one of its own; keys never do.",
  ),
  status: oneOf(["301", "302", "303", "307", "308"])
    .optional()
    .describe('Default "307": the same method again, and only this time.'),
}).describe("Answer with a redirect.");

export const replySchema = group({
  status: wholeNumber(200, 599).optional().describe("Default 200."),
  headers: fieldRulesSchema.shape.set.describe("Fields of the reply."),
  body: z
    .string({ error: `a text of at most ${replyBodyMax} characters` })
    .max(replyBodyMax, { error: `a text of at most ${replyBodyMax} characters` })
    .optional()
    .describe("Text, in UTF-8; text/plain unless `headers` says otherwise."),
}).describe("Answer with this.");

export const filesSchema = z
  .string({ error: "the path of a folder" })
  .min(1, { error: "the path of a folder" })
  .describe(
    "Answer with the files of a folder, relative to this file; the route's path ends in *. GET and HEAD; index.html for folders; nothing whose name begins with a dot.",
  );

interface Place {
  readonly path: ConfigPath;
  readonly pattern: RoutePattern;
  readonly problems: ProblemList;
}

export function compileRedirect(
  { to, status = "307" }: z.infer<typeof redirectSchema>,
  { path, pattern, problems }: Place,
): RouteTarget {
  const origin = /^https?:\/\/[^/]+/.exec(to)?.[0] ?? "";
  const [place = "", query] = to.slice(origin.length).split("?", 2);
  const template = parsePathTemplate(place, pattern);
  const at = [...path, "redirect", "to"];
  if ("error" in template) problems.add(at, template.error, { value: to });
  if (origin !== "" && !URL.canParse(origin)) problems.add(at, "a URL's host", { value: to });
  return {
    kind: "redirect",
    status: redirectStatuses[status],
    origin,
    template: "error" in template ? { parts: [] } : template,
    query,
  };
}

export function compileReply(
  written: z.infer<typeof replySchema>,
  { path, problems }: Place,
): RouteTarget {
  const { status = 200, body = "" } = written;
  const at = { path: [...path, "reply", "headers"], problems };
  const rules = compileFieldRules({ set: written.headers }, "response", at);
  const headers = [...(rules?.added ?? [])];
  if ((status === 204 || status === 304) && body !== "") {
    problems.add([...path, "reply", "body"], `no body with status ${status}`, { value: body });
  }
  if (body !== "" && rules?.replaced.has("content-type") !== true) {
    headers.push("content-type", "text/plain; charset=utf-8");
  }
  return { kind: "reply", status, headers, body };
}

export function compileFiles(
  folder: string,
  around: Place & { readonly file: string; readonly fileExists: (path: string) => boolean },
): RouteTarget {
  const { path, pattern, problems } = around;
  const resolved = resolveBeside(around.file, folder);
  if (!around.fileExists(resolved)) {
    problems.add([...path, "files"], "a folder that exists, relative to the configuration file", {
      value: folder,
    });
  }
  if (pattern.segments.at(-1)?.kind !== "rest") {
    problems.add([...path, "path"], "a path that ends in /*, for files", {
      text: pattern.shape,
    });
  }
  return { kind: "files", folder: resolved, segment: pattern.segments.length - 1 };
}
