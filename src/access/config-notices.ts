/** What a valid configuration asks for and this version does not do yet: said aloud, never silently left out. */

import type { CompiledConfig } from "./compiled-config.ts";

/** Sentences for the operator; none for most configurations. */
export function configNotices(config: CompiledConfig): string[] {
  const notices: string[] = [];
  for (const plan of config.plans) {
    for (const limit of plan.limits) {
      if (limit.enforcement !== "strict") continue;
      notices.push(
        `plan ${plan.name}, limit ${limit.name}: strict limits are enforced like soft ones in this version, so the quota can be overshot by what other processes admit within the lag`,
      );
    }
  }
  return notices;
}
