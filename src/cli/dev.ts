/**
 * `dev`: the hub and every region's processes on this machine, each a child process that is started again
 * when it dies. All children end with this process, however it ends.
 */

import { rmSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { lockFolder } from "../adapters/sqlite/lock.ts";
import {
  type DataFolder,
  dataFolder,
  ensureFolder,
  ensureToken,
  replaceFile,
} from "./data-folder.ts";
import { type ChildPlan, planDev } from "./dev-plan.ts";
import { watchStart } from "./dev-start.ts";
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
  /** Sends SIGHUP on to every process: the configuration is read again. */
  reload(): void;
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
    const show = options.onLine;
    const children = startChildren(plans, { program, show, token, stateFile: data.devState });
    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      stopping ??= children.stop().finally(() => {
        rmSync(data.devState, { force: true });
        lock.release();
      });
      return stopping;
    };
    const ready = children.ready.catch(async (error: unknown) => {
      await stop();
      throw error;
    });
    // Whoever stops before it is ready need not listen any more.
    ready.catch(() => {});
    return { data, config, ready, state: children.state, reload: children.reload, stop };
  } catch (error) {
    lock.release();
    throw error;
  }
}

interface Children {
  readonly ready: Promise<void>;
  state(): DevState;
  reload(): void;
  stop(): Promise<void>;
}

interface StartOptions {
  readonly program: string;
  readonly show: (name: string, line: string) => void;
  readonly token: string;
  readonly stateFile: string;
}

function startChildren(plans: readonly ChildPlan[], options: StartOptions): Children {
  const { program, show, token, stateFile } = options;
  const start = watchStart(show);
  const children: SupervisedChild[] = [];
  const state = (): DevState => stateOf(children, token);
  let isStopping = false;
  const events: ChildEvents = {
    onLine(name, line) {
      // While all of them stop they miss each other once more.
      if (isStopping && line.startsWith("warn:")) return;
      if (start.isOver) show(name, line);
      else start.hear(name, line);
    },
    onReady() {
      if (!start.isOver && !children.every((child) => child.isReady)) return;
      replaceFile(stateFile, `${JSON.stringify(state(), undefined, 2)}\n`);
      start.succeed();
    },
    onDeath(name, how) {
      const wasReady = start.isOver;
      if (wasReady) show(name, `${how}; starting it again`);
      else start.fail(name, how);
      return wasReady;
    },
  };
  for (const plan of plans) children.push(superviseChild(plan, program, events));
  const bound = setTimeout(() => {
    const late = children.find((child) => !child.isReady);
    start.fail(late?.plan.name ?? "", `not ready after ${readyMsMax / 1_000} s`);
  }, readyMsMax);
  return {
    ready: start.outcome.finally(() => clearTimeout(bound)),
    state,
    reload() {
      for (const child of children) child.signal("SIGHUP");
    },
    async stop() {
      isStopping = true;
      clearTimeout(bound);
      await Promise.all(children.map((child) => child.stop()));
    },
  };
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
