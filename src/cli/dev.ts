/**
 * `dev`: the hub and every region's processes on this machine, each a child process that is started again
 * when it dies. All children end with this process, however it ends.
 */

import { rmSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { lockFolder } from "../adapters/sqlite/lock.ts";
import { TallygateError } from "../base/errors.ts";
import {
  type DataFolder,
  dataFolder,
  ensureFolder,
  ensureToken,
  replaceFile,
} from "./data-folder.ts";
import { planDev } from "./dev-plan.ts";
import type { DevRegion, DevState } from "./dev-state.ts";
import { waitForFreePorts } from "./free-ports.ts";
import { type LoadedConfig, loadConfig } from "./load-config.ts";
import { type ChildEvents, type SupervisedChild, superviseChild } from "./supervisor.ts";

export interface DevOptions {
  readonly config?: string;
  readonly data: string;
  readonly basePort: number;
  /** One-way delays by region, ms. */
  readonly latencies: ReadonlyMap<string, number>;
  /** The script that children run; default: this command line. Tests put a small one in its place. */
  readonly program?: string;
  /** A line of a child that people should see. */
  onLine(name: string, line: string): void;
}

export interface DevCluster {
  readonly data: DataFolder;
  readonly config: LoadedConfig;
  /**
   * Resolves when all processes are ready and `dev.json` is written. Rejects with `process-failed` if one
   * ends before that; then everything is stopped.
   */
  readonly ready: Promise<void>;
  state(): DevState;
  /** Stops everything, takes `dev.json` away, and frees the data folder. */
  stop(): Promise<void>;
}

/** Beside this file, as source in the checkout and compiled in the package. */
const mainFile = fileURLToPath(new URL(`./main${extname(import.meta.url)}`, import.meta.url));

/** A start that takes longer has failed; a ledger of ten million counters loads in 20 s. */
const readyMsMax = 180_000;

/**
 * Starts everything. Where the configuration is wrong, a port is taken or another `dev` has the data
 * folder, it rejects with one sentence and nothing was started.
 */
export async function startDev(options: DevOptions): Promise<DevCluster> {
  const config = await loadConfig(options.config);
  const data = dataFolder(options.data);
  const { basePort, latencies, program = mainFile } = options;
  const plans = planDev({
    config: config.config,
    configFile: config.file,
    dataRoot: data.root,
    basePort,
    latencies,
  });
  ensureFolder(data.root);
  const lock = lockFolder(data.root);
  try {
    await waitForFreePorts(plans.flatMap(({ url, operations }) => [url, operations]));
    const token = ensureToken(data.adminToken);
    ensureToken(data.joinToken);

    let hasBeenReady = false;
    let becomeReady = (): void => {};
    let failStart = (_: TallygateError): void => {};
    const allReady = new Promise<void>((resolve, reject) => {
      becomeReady = resolve;
      failStart = reject;
    });
    /** By child, while starting: the last thing it said for people. */
    const lastWords = new Map<string, string>();
    const children: SupervisedChild[] = [];
    const events: ChildEvents = {
      onLine(name, line) {
        // A child that fails says why in one line; told once, as the reason of the failed start.
        const words = /^tallygate: (.*)/.exec(line)?.[1];
        if (!hasBeenReady && words !== undefined) lastWords.set(name, words);
        else options.onLine(name, line);
      },
      onReady() {
        if (!children.every((child) => child.isReady) && !hasBeenReady) return;
        replaceFile(data.devState, `${JSON.stringify(stateOf(children, token), undefined, 2)}\n`);
        hasBeenReady = true;
        becomeReady();
      },
      onDeath(name, how) {
        if (hasBeenReady) {
          options.onLine(name, `${how}; starting it again`);
          return true;
        }
        failStart(new TallygateError("process-failed", `${name}: ${lastWords.get(name) ?? how}`));
        return false;
      },
    };
    for (const plan of plans) children.push(superviseChild(plan, program, events));
    const bound = setTimeout(() => {
      const late = children.filter((child) => !child.isReady).map(({ plan }) => plan.name);
      failStart(new TallygateError("process-failed", `${late.join(", ")}: not ready in time`));
    }, readyMsMax);

    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      stopping ??= (async () => {
        clearTimeout(bound);
        await Promise.all(children.map((child) => child.stop()));
        rmSync(data.devState, { force: true });
        lock.release();
      })();
      return stopping;
    };
    const ready = allReady.then(
      () => clearTimeout(bound),
      async (error: unknown) => {
        await stop();
        throw error;
      },
    );
    // Whoever stops before it is ready need not listen any more.
    ready.catch(() => {});
    return { data, config, ready, state: () => stateOf(children, token), stop };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function stateOf(children: readonly SupervisedChild[], token: string): DevState {
  const regions: Record<string, DevRegion> = {};
  let hub = { pid: 0, url: "" };
  for (const { plan, pid } of children) {
    const { region, url, operations } = plan;
    if (region === "") hub = { pid, url };
    else if (plan.process === 0) regions[region] = { pid, url, operations };
  }
  for (const [region, first] of Object.entries(regions)) {
    const processes = children
      .filter(({ plan }) => plan.region === region)
      .map(({ pid, plan }) => ({ pid, operations: plan.operations }));
    if (processes.length > 1) regions[region] = { ...first, processes };
  }
  return { hub, regions, token };
}
