/** Answers that are in the configuration: redirects and fixed replies. They cost what their route says, like any other. */

import { fillPathTemplate } from "../access/path-template.ts";
import type { Call } from "./call.ts";
import { queryWithout } from "./query.ts";

/** What of the request a redirect takes along. */
export interface FixedRequest {
  readonly path: string;
  readonly target: string;
  readonly pathEnd: number;
  /** Query parameters that may hold a key, which is not for other hosts. */
  readonly withheldParameters: readonly string[];
}

/** Answers the call; false if its route is of another kind. */
export function answerFixed(call: Call, request: FixedRequest): boolean {
  const { target } = call.route.config;
  if (target.kind === "redirect") {
    const { path, pathEnd, withheldParameters } = request;
    const query =
      target.query === undefined
        ? queryWithout(request.target, pathEnd, withheldParameters)
        : `?${target.query}`;
    const place = target.origin + fillPathTemplate(target.template, path) + query;
    call.answer(target.status, ["location", place], undefined);
    return true;
  }
  if (target.kind !== "reply") return false;
  call.answer(target.status, [...target.headers], target.body === "" ? undefined : target.body);
  return true;
}
