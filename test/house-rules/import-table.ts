/**
 * Who may import what: the one place where it is written down for the machine; ARCHITECTURE.md says
 * it for people. Tests may import everything.
 */

export interface FolderRule {
  /** Folders of src that it may import values (and types) from; its own is always among them. */
  readonly values: readonly string[];
  /** Further folders, of which it may import types only. */
  readonly types?: readonly string[];
  /** Packages from npm. */
  readonly packages?: readonly string[];
  /** Modules of Node; `*` for all. */
  readonly node?: readonly string[];
  /** No async, clock, timer or randomness either. */
  readonly pure?: true;
  /** May call the clock, timers, randomness, process and console itself. */
  readonly outside?: true;
}

const pureFolders = ["base", "limits", "metering", "upstreams", "access", "status"];
const processes = ["gateway", "hub", "control"];
const all = [...pureFolders, "ports", ...processes, "adapters", "conformance", "cli"];
const traces = ["api", "sdk-trace", "resources", "exporter-trace-otlp-proto"].map(
  (name) => `@opentelemetry/${name}`,
);
const adapterTypes = [...pureFolders, ...processes];

export const importTable: Readonly<Record<string, FolderRule>> = {
  base: { values: [], pure: true },
  "base/hash.ts": { values: ["base"], node: ["crypto", "zlib"], pure: true },
  limits: { values: ["base"], pure: true },
  upstreams: { values: ["base"], pure: true },
  metering: { values: ["base"], pure: true },
  status: { values: ["base"], pure: true },
  access: { values: ["base", "limits", "upstreams"], packages: ["zod", "yaml"], pure: true },
  ports: { values: ["base"], types: pureFolders },
  gateway: { values: [...pureFolders, "ports"] },
  hub: { values: ["base", "limits", "metering", "access", "status", "ports"] },
  // Keys are made and packed here; how they look is access's to say.
  "hub/registry.ts": { values: ["base", "ports", "access"] },
  "hub/registry-records.ts": { values: ["base", "ports", "access"] },
  control: {
    values: ["base", "access", "status", "ports"],
    types: ["limits", "metering", "gateway", "hub"],
    packages: ["hono", "@hono/zod-openapi", "zod"],
  },
  "adapters/node": {
    values: ["base", "ports"],
    types: adapterTypes,
    packages: [
      "@hono/node-server",
      "nodemailer",
      "pino",
      "prom-client",
      "srvx",
      "undici",
      ...traces,
    ],
    node: ["*"],
    outside: true,
  },
  "adapters/sqlite": { values: ["base", "ports"], types: adapterTypes, node: ["*"], outside: true },
  "adapters/direct": {
    values: ["base", "ports"],
    types: adapterTypes,
    packages: ["ws"],
    node: ["*"],
    outside: true,
  },
  conformance: {
    values: ["base", "ports", "metering", "access", "status"],
    node: ["assert", "assert/strict", "test"],
  },
  sim: { values: [...pureFolders, "ports", "gateway", "hub", "control", "conformance"] },
  // The end of a turn, when no promise is left to run, between two events.
  "sim/world.ts": { values: ["base"], outside: true },
  "sim/pool.ts": { values: [], node: ["worker_threads"], outside: true },
  "sim/worker.ts": { values: [], node: ["worker_threads"], outside: true },
  "sim/main.ts": { values: ["sim"], node: ["util"], outside: true },
  cli: { values: all, packages: ["commander"], node: ["*"], outside: true },
  "index.ts": { values: ["base", "access"], types: all, packages: ["srvx"] },
};

/** The rule for a path below src: of the file itself, of its folder, or of the folder above. */
export function ruleFor(path: string): FolderRule | undefined {
  const [first = "", second = ""] = path.split("/");
  return importTable[path] ?? importTable[`${first}/${second}`] ?? importTable[first];
}

/** The folder a rule is about: `gateway/row.ts` → `gateway`, `adapters/node/clock.ts` → `adapters/node`. */
export function folderOf(path: string): string {
  const [first = "", second = ""] = path.split("/");
  return first === "adapters" ? `${first}/${second}` : first;
}
