/**
 * This gateway: one gateway process on core 0, its hub on the other core, a key of a plan with four
 * limits, everything as a deployment would start it.
 */

import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { otherCore } from "../wrk.ts";
import { apiKeyField, type Contender, type Running, type Setting } from "./contender.ts";
import { freePort, type PinnedProcess, spawnPinned, sutCore, waitForPort } from "./process.ts";

const run = promisify(execFile);
const main = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");
const handler = join(import.meta.dirname, "handler.ts");

/** How long a new key may take to reach the gateway, and a gateway to get ready. */
const readyMsMax = 10_000;

export type Durability = "os" | "disk";

interface Ports {
  readonly hub: number;
  readonly gateway: number;
  readonly operations: number;
}

/** JSON is YAML. Quotas that the benchmark cannot reach: what is measured is the work of counting. */
function configuration(
  ports: Ports,
  durability: Durability,
  upstreamPort: number | undefined,
): string {
  const quota = 1_000_000_000_000;
  const limit = (window: string): object => ({ name: window, per: "key", quota, window });
  const route =
    upstreamPort === undefined
      ? { path: "/{ip}", handler }
      : { path: "/{ip}", upstream: "service" };
  return JSON.stringify({
    version: 1,
    hub: { listen: `127.0.0.1:${ports.hub}` },
    regions: {
      bench: {
        listen: `127.0.0.1:${ports.gateway}`,
        operations: `127.0.0.1:${ports.operations}`,
      },
    },
    keys: { prefix: "bench", from: [`header:${apiKeyField}`] },
    durability,
    // As nginx beside it: a generator takes a connection that ends for a failure.
    listener: { requestsPerConnectionMax: 1_000_000_000 },
    plans: { bench: { limits: ["second", "minute", "day", "month"].map(limit) } },
    ...(upstreamPort !== undefined && {
      upstreams: { service: { targets: [`http://127.0.0.1:${upstreamPort}`] } },
    }),
    routes: [route],
  });
}

async function until(
  what: string,
  program: PinnedProcess,
  isTrue: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + readyMsMax;
  while (!(await isTrue().catch(() => false))) {
    if (program.hasEnded() || performance.now() > deadline) {
      throw new Error(`${what} did not come: ${program.output()}`);
    }
    await sleep(50);
  }
}

async function answers(url: string, headers: Record<string, string> = {}): Promise<boolean> {
  const response = await fetch(url, { headers });
  await response.arrayBuffer();
  return response.ok;
}

async function createKey(hubUrl: string, data: string): Promise<string> {
  const token = readFileSync(join(data, "admin-token"), "utf8").trim();
  const { stdout } = await run(process.execPath, [
    main,
    ...["keys", "create", "--plan", "bench", "--json", "--url", hubUrl, "--token", token],
  ]);
  return (JSON.parse(stdout) as { key: string }).key;
}

async function start(
  setting: Setting,
  durability: Durability,
  upstreamPort: number | undefined,
): Promise<Running> {
  const ports = { hub: await freePort(), gateway: await freePort(), operations: await freePort() };
  const config = join(setting.folder, "tallygate.yaml");
  const data = join(setting.folder, "data");
  writeFileSync(config, configuration(ports, durability, upstreamPort));
  const files = ["--config", config, "--data", data];
  const hub = spawnPinned(otherCore, process.execPath, [main, "hub", ...files]);
  const started = [hub];
  const stop = async (): Promise<void> => {
    for (const program of started.toReversed()) await program.stop();
  };
  try {
    await waitForPort(hub, ports.hub);
    const gatewayArguments = [main, "gateway", "--region", "bench", ...files];
    const gateway = spawnPinned(sutCore, process.execPath, gatewayArguments);
    started.push(gateway);
    await waitForPort(gateway, ports.gateway);
    const operations = `http://127.0.0.1:${ports.operations}/health/ready`;
    await until("a ready gateway", gateway, () => answers(operations));
    const headers = { [apiKeyField]: await createKey(`http://127.0.0.1:${ports.hub}`, data) };
    const url = `http://127.0.0.1:${ports.gateway}/8.8.8.8`;
    await until("the key", gateway, () => answers(url, headers));
    return { url, headers, process: gateway, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export function tallygateMemory(durability: Durability): Contender {
  return {
    name: `tallygate ${durability}`,
    note: "tallygate: four limits of one key (second, minute, day, month), every call in the journal",
    unavailable: () => Promise.resolve(undefined),
    start: (setting) => start(setting, durability, undefined),
  };
}

export const tallygateProxy: Contender = {
  name: "tallygate os, proxy",
  note: "tallygate: four limits of one key (second, minute, day, month), every call in the journal",
  unavailable: () => Promise.resolve(undefined),
  start: (setting) => start(setting, "os", setting.upstreamPort),
};
