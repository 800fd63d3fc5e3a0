/** What clients ask for: which route, and what comes of it behind the gateway. */

import type { ResponseParts } from "../ports/handler.ts";
import type { Owner, World } from "./world.ts";

export const routes = { locate: "/{ip}", whois: "/whois/{ip}", report: "/report/{ip}" } as const;

export interface Target {
  /** As configured. */
  readonly route: string;
  readonly path: string;
  /** The answer will be a failure, for which nothing is charged in the end. */
  readonly isRefunded: boolean;
  /** What the handler gives when the call reaches it. */
  readonly answer: () => ResponseParts | Promise<ResponseParts>;
}

const found: ResponseParts = { status: 200, headers: [], body: "ok" };
const failure: ResponseParts = { status: 502, headers: [], body: "no" };

/** Longest time that a report takes: often longer than what was charged for it stays in one batch. */
const reportMaxMs = 1_500;

export const locate: Target = {
  ...{ route: routes.locate, path: "/8.8.8.8", isRefunded: false },
  answer: () => found,
};

const whois: Target = { ...locate, route: routes.whois, path: "/whois/8.8.8.8" };

/** Whatever a caller may ask for; reports, which take their time and fail now and then, only if `asksForReports`. */
export function drawTarget(
  world: World,
  {
    asksForReports,
    owner,
  }: { readonly asksForReports: boolean; readonly owner: Owner | undefined },
): Target {
  if (!world.chance(0.4)) return locate;
  if (!asksForReports) return whois;
  const isRefunded = world.chance(0.3);
  const tookMs = world.between(1, reportMaxMs);
  return {
    ...{ route: routes.report, path: "/report/8.8.8.8", isRefunded },
    answer: () =>
      new Promise((resolve) => {
        world.schedule(tookMs, owner, () => resolve(isRefunded ? failure : found));
      }),
  };
}
