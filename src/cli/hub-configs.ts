/** Applies configurations at the hub: it takes one first, stores it, and then tells the gateways. */

import { TallygateError } from "../base/errors.ts";
import type { AppliedResult, ConfigRequest, ConfigVersions } from "../control/config-versions.ts";
import { announcementOf } from "../hub/config-announcement.ts";
import type { Hub } from "../hub/hub.ts";
import type { KeyAudit } from "../hub/hub-api.ts";
import {
  type ConfigStore,
  configId,
  noConfigId,
  type StoredConfig,
} from "../ports/config-store.ts";
import { textOf } from "./applied-config.ts";
import type { ConfigReload } from "./config-reload.ts";

/** What must be there before a configuration can be applied. */
export interface RunningHubParts {
  readonly hub: Hub;
  readonly reload: ConfigReload;
}

/** `running` is undefined while the hub starts: then nothing is applied. */
export function hubConfigs(
  store: ConfigStore,
  running: () => RunningHubParts | undefined,
): ConfigVersions {
  let last: Promise<unknown> = Promise.resolve();
  const apply = async (request: ConfigRequest, audit: KeyAudit): Promise<AppliedResult> => {
    const parts = running();
    if (parts === undefined) throw new TallygateError("ledger-failed", "the hub is starting");
    const newest = store.newest();
    const { over, ...draft } = request;
    if (over !== undefined && over !== presentId(newest)) {
      const present = presentId(newest);
      throw new TallygateError("changed-meanwhile", `the configuration in force is ${present}`);
    }
    if (newest !== undefined && isSame(newest, request)) return { config: newest };
    const problems = await parts.reload.use(textOf(request));
    if (problems.length > 0) return { problems };
    const { atMs, actor } = audit;
    let config: StoredConfig;
    try {
      config = await store.add({ atMs, actor, ...draft }, audit);
    } catch (cause) {
      // What is not stored is not in force: the hub goes back too.
      await parts.reload.use(newest && textOf(newest));
      throw cause;
    }
    parts.hub.announceConfig(announcementOf(config));
    return { config };
  };
  return {
    newest: () => store.newest(),
    get: (number) => store.get(number),
    before: (number, limit) => store.before(number, limit),
    apply(request, audit) {
      const result = last.then(() => apply(request, audit));
      last = result.catch(() => undefined);
      return result;
    },
  };
}

function presentId(newest: StoredConfig | undefined): string {
  return newest === undefined ? noConfigId : configId(newest);
}

function isSame(newest: StoredConfig, { format, text }: ConfigRequest): boolean {
  return newest.format === format && newest.text === text;
}
