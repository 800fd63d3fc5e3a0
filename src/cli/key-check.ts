/** Whether a key may be made: its plan exists, and its restrictions mean something. */

import type { CompiledConfig } from "../access/compiled-config.ts";
import { checkRestrictions } from "../access/key-restrictions.ts";
import type { Restrictions } from "../hub/hub-api.ts";

/** A sentence about what is wrong; undefined if nothing is. */
export function checkKey(
  config: CompiledConfig,
  plan: string,
  restrict: Restrictions,
): string | undefined {
  const plans = config.plans.map(({ name }) => name);
  if (!plans.includes(plan)) {
    return `there is no plan "${plan}"; the configuration has ${plans.join(", ")}`;
  }
  const routes = config.routes.map(({ path }) => path);
  for (const route of restrict.routes) {
    if (!routes.includes(route)) return `there is no route "${route}"`;
  }
  return checkRestrictions(restrict);
}
