/**
 * Tokens that are good for one owner only. Denied by default: such a token reaches the keys and the usage of its owner, and what is
 * everybody's; whatever is another's is as if it were not there.
 */

import type { MiddlewareHandler } from "hono";
import { TallygateError } from "../base/errors.ts";
import type { KeyView, RegistryApi } from "../hub/hub-api.ts";
import type { UsageDimension } from "../ports/ledger-store.ts";
import { type ControlEnv, problem } from "./problem.ts";
import type { Principal } from "./tokens.ts";

/** All that a token of one owner may ask for. Each route sees to it that only the owner's is given. */
const ownersRoutes = [
  /^\/v1\/keys$/,
  /^\/v1\/keys\/[^/]+(\/rotate)?$/,
  /^\/v1\/usage$/,
  /^\/v1\/owners\/[^/]+$/,
  /^\/v1\/plans(\/[^/]+)?$/,
  /^\/v1\/session$/,
] as const;

export function withinScope(): MiddlewareHandler<ControlEnv> {
  return (c, next) => {
    const { principal } = c.var;
    if (principal.owner === "" || ownersRoutes.some((route) => route.test(c.req.path))) {
      return next();
    }
    const detail = "This token is good for the keys and the usage of one owner only.";
    return Promise.resolve(problem(c, { status: 403, detail, code: "forbidden" }));
  };
}

export function maySee({ owner }: Principal, of: string): boolean {
  return owner === "" || owner === of;
}

/** The key, if there is one that the principal may know of. */
export function keyFor(
  principal: Principal,
  registry: Pick<RegistryApi, "get">,
  id: string,
): KeyView | undefined {
  const key = registry.get(id);
  return key !== undefined && maySee(principal, key.owner) ? key : undefined;
}

/** The owner that a request is about: the token's own where it is good for one. Fails with `forbidden` if another is named. */
export function ownerFor(principal: Principal, named: string | undefined): string | undefined {
  if (principal.owner === "") return named;
  if (named !== undefined && named !== "" && named !== principal.owner) {
    throw new TallygateError("forbidden", "this token is good for another owner");
  }
  return principal.owner;
}

/** Filters of a report, with the owner's where the principal sees one owner only. */
export function filtersFor(
  principal: Principal,
  where: Partial<Record<UsageDimension, string>>,
): Partial<Record<UsageDimension, string>> {
  const owner = ownerFor(principal, where.owner);
  return owner === undefined ? where : { ...where, owner };
}

/** A token of one owner gives its keys plans that the operator has given to others of them, and no others. */
export function refuseOtherPlan(
  principal: Principal,
  registry: Pick<RegistryApi, "owner">,
  plan: string | undefined,
): void {
  if (principal.owner === "" || plan === undefined) return;
  if (registry.owner(principal.owner)?.plans.includes(plan) === true) return;
  throw new TallygateError(
    "forbidden",
    "this token gives keys only plans that its owner has keys of",
  );
}
