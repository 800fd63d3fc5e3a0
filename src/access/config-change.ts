/**
 * What a changed configuration changes in a process that runs, and what waits for its next start. Pure.
 *
 * Everything that decides about calls is taken at once. What a process has opened with it (listeners, files, threads and their
 * timers) is not: such parts stay as they are, and their names are told.
 */

import { sha256Hex } from "../base/hash.ts";
import type { CompiledConfig, RegionConfig } from "./compiled-config.ts";

/** A process as the configuration sees it. */
export type ProcessRole =
  | { readonly kind: "hub" }
  | { readonly kind: "gateway"; readonly region: string };

/** By part: the processes that read it only at their start. A new part does not compile here until somebody has said. */
const readAtStart: { readonly [Part in keyof CompiledConfig]: readonly ProcessRole["kind"][] } = {
  hub: ["hub", "gateway"],
  // Of a gateway, its own region.
  regions: ["gateway"],
  keys: [],
  clients: [],
  durability: ["gateway"],
  signup: [],
  portal: [],
  plans: [],
  anonymousPlan: [],
  dimensions: [],
  upstreams: [],
  routes: [],
  cors: [],
  listener: [],
  journal: ["gateway"],
  stream: ["hub"],
  log: ["hub", "gateway"],
  shutdown: [],
};

export type ConfigChange =
  /** `config`: the changed one, with the parts that wait as they were. `waiting`: names of those. */
  | { readonly config: CompiledConfig; readonly waiting: readonly string[] }
  | { readonly problem: string };

export function changeConfig(
  present: CompiledConfig,
  changed: CompiledConfig,
  role: ProcessRole,
): ConfigChange {
  const config: Record<string, unknown> = { ...changed };
  const waiting: string[] = [];
  for (const part of Object.keys(readAtStart) as (keyof CompiledConfig)[]) {
    if (part === "regions" || !readAtStart[part].includes(role.kind)) continue;
    config[part] = present[part];
    if (!isSame(present[part], changed[part])) waiting.push(part);
  }
  if (role.kind === "gateway") {
    const { region } = role;
    const [was, is] = [present, changed].map(({ regions }) =>
      regions.find(({ name }) => name === region),
    );
    if (was === undefined || is === undefined) {
      return { problem: `there is no region "${region}" any more` };
    }
    const kept = withCertificates(was, is);
    config["regions"] = changed.regions.map((other) => (other === is ? kept : other));
    if (!isSame(kept, is)) waiting.push(`regions.${region}`);
  }
  return { config: config as unknown as CompiledConfig, waiting };
}

/** Certificates are the one thing of a listener that it can take while it is open; where others find it is the hub's matter. */
function withCertificates(was: RegionConfig, is: RegionConfig): RegionConfig {
  const now = { ...was, url: is.url };
  if (was.tls === undefined || is.tls === undefined) return now;
  return { ...now, tls: { ...was.tls, certificates: is.tls.certificates } };
}

/** Compiled values are plain and in the order of the code. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * 12 hex digits that are the same where calls are decided and priced the same way. Addresses, upstreams and files may differ from
 * host to host, and are left out.
 */
export function rulesVersion(config: CompiledConfig): string {
  const { plans, anonymousPlan, keys, clients, routes } = config;
  const prices = routes.map(({ path, methods, cost, refundOn }) => ({
    ...{ path, methods, cost, refundOn },
  }));
  const rules = [plans, anonymousPlan?.name ?? "", keys, clients, prices];
  return sha256Hex(JSON.stringify(rules)).slice(0, 12);
}
