/** Which processes `dev` starts, on which ports, with which options. Pure. */

import type { CompiledConfig } from "../access/compiled-config.ts";
import { TallygateError } from "../base/errors.ts";

export interface DevPlanOptions {
  readonly config: CompiledConfig;
  /** Absolute. */
  readonly configFile: string;
  /** Absolute. */
  readonly dataRoot: string;
  readonly basePort: number;
  /** One-way, by region. */
  readonly latencies: ReadonlyMap<string, number>;
}

export interface ChildPlan {
  /** `hub`, `sydney`, or `sydney/1` where a region has several processes. */
  readonly name: string;
  /** "" for the hub. */
  readonly region: string;
  readonly process: number;
  /** For `main.ts`. */
  readonly arguments: readonly string[];
  /** Where it is served; a region's processes share it. */
  readonly url: string;
  /** "" for the hub, which answers health on its own port. */
  readonly operations: string;
  /** Answers 200 when it is ready. */
  readonly readyUrl: string;
}

/** Regions that fit between their ports and those of their operations listeners. */
const regionsMax = 100;

/** Operations listeners start this far above the base port: N+101, N+102, … */
const operationsOffset = 101;

const host = "127.0.0.1";

/**
 * The hub on N, regions on N+1, N+2, … in the order of the file, operations of each region's process 0 on
 * N+101, N+102, …; those of further processes follow behind the last region's.
 */
export function planDev(options: DevPlanOptions): readonly ChildPlan[] {
  const { config, configFile, dataRoot, basePort, latencies } = options;
  const { regions } = config;
  checkLatencies(latencies, config);
  const extra = regions.reduce((sum, region) => sum + region.processes - 1, 0);
  const portLast = basePort + operationsOffset + regions.length - 1 + extra;
  if (regions.length > regionsMax || portLast > 65_535) {
    throw new TallygateError(
      "usage-wrong",
      `${regions.length} regions do not fit on the ports from ${basePort} on`,
    );
  }
  const shared = ["--config", configFile, "--data", dataRoot, "--dev"];
  const hubUrl = `http://${host}:${basePort}`;
  const plans: ChildPlan[] = [
    {
      name: "hub",
      region: "",
      process: 0,
      arguments: ["hub", ...shared, "--listen", `${host}:${basePort}`],
      url: hubUrl,
      operations: "",
      readyUrl: `${hubUrl}/health/ready`,
    },
  ];
  let extraPort = basePort + operationsOffset + regions.length;
  for (const [index, region] of regions.entries()) {
    const listen = `${host}:${basePort + 1 + index}`;
    for (let k = 0; k < region.processes; k++) {
      const operationsPort = k === 0 ? basePort + operationsOffset + index : extraPort++;
      const operations = `${host}:${operationsPort}`;
      plans.push({
        name: region.processes === 1 ? region.name : `${region.name}/${k}`,
        region: region.name,
        process: k,
        arguments: [
          ...["gateway", "--region", region.name, "--process", String(k), ...shared],
          ...["--listen", listen, "--operations", operations, "--hub-url", hubUrl],
          ...["--latency-ms", String(latencies.get(region.name) ?? 0)],
        ],
        url: `${region.tls === undefined ? "http" : "https"}://${listen}`,
        operations: `http://${operations}`,
        readyUrl: `http://${operations}/health/ready`,
      });
    }
  }
  return plans;
}

function checkLatencies(latencies: ReadonlyMap<string, number>, config: CompiledConfig): void {
  const names = config.regions.map((region) => region.name);
  for (const region of latencies.keys()) {
    if (names.includes(region)) continue;
    throw new TallygateError(
      "usage-wrong",
      `--latency names the region "${region}"; the configuration has ${names.join(", ")}`,
    );
  }
}
