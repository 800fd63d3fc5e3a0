/**
 * A real cluster for a test: `tallygate dev` as a child process on free ports and a folder of its own, stopped with
 * everything it started when the test ends.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { refuseSecrets } from "./secret-search.ts";

/** The command line, as a file for Node. */
export const mainFile = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

export interface RegionAddress {
  readonly pid: number;
  readonly url: string;
  readonly operations: string;
}

interface DevState {
  readonly hub: { readonly pid: number; readonly url: string };
  readonly regions: Readonly<Record<string, RegionAddress>>;
  readonly token: string;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ClusterOptions {
  /** Text of tallygate.yaml; ports in it are replaced by the base port. */
  readonly config: string;
  /** `sydney=140ms,seoul=120ms`. */
  readonly latency?: string;
  /** Files beside the configuration, by name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Fills the data folder before the first start. */
  readonly prepare?: (data: string) => Promise<void>;
  /** Longest start; more than the default where a lot of data is loaded. */
  readonly startMsMax?: number;
}

/** Far more than a start takes: the machine may be busy. */
const startMsMaxDefault = 60_000;

/** Ports that a base port needs: hub, regions, operations. */
const portsNeeded = 140;

/** A base port whose neighbours are free now, well below the ephemeral range. */
export async function freeBasePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const base = 10_000 + Math.floor(Math.random() * 120) * 150;
    // Another test file may be about to use them.
    if (!(await reserve(base + portsNeeded + 1))) continue;
    const probes = [0, 1, 2, 3, 101, 102, 103, portsNeeded];
    const free = await Promise.all(probes.map((offset) => isFree(base + offset)));
    if (free.every(Boolean)) return base;
  }
  throw new Error("no free ports found");
}

/** Listens until this process ends; false: somebody does already. */
function reserve(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().unref();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => resolve(true));
  });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

export class Cluster {
  readonly folder: string;
  readonly data: string;
  readonly config: string;
  readonly basePort: number;
  readonly #options: ClusterOptions;
  #process: ChildProcess | undefined;
  /** Secrets of keys that were made, and must stand nowhere. */
  readonly issuedKeys = new Set<string>();
  /** What `dev` printed, for the message of a failed test. */
  output = "";

  private constructor(options: ClusterOptions, basePort: number) {
    this.#options = options;
    this.basePort = basePort;
    this.folder = mkdtempSync(join(tmpdir(), "tallygate-test-"));
    this.data = join(this.folder, "data");
    this.config = join(this.folder, "tallygate.yaml");
    writeFileSync(this.config, options.config);
    for (const [name, text] of Object.entries(options.files ?? {})) {
      writeFileSync(join(this.folder, name), text);
    }
  }

  static async start(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(options, await freeBasePort());
    try {
      await options.prepare?.(cluster.data);
      await cluster.start();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Starts (again) on the same folder and ports; resolves when all processes are ready. */
  async start(): Promise<void> {
    rmSync(join(this.data, "dev.json"), { force: true });
    const latency = this.#options.latency === undefined ? [] : ["--latency", this.#options.latency];
    const child = spawn(
      process.execPath,
      [
        mainFile,
        "dev",
        ...["--config", this.config, "--data", this.data, "--base-port", String(this.basePort)],
        ...latency,
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        this.output = (this.output + chunk.toString()).slice(-20_000);
      });
    }
    const startMsMax = this.#options.startMsMax ?? startMsMaxDefault;
    await until(() => this.#tryState() !== undefined || child.exitCode !== null, startMsMax);
    if (child.exitCode !== null) throw new Error(`dev ended:\n${this.output}`);
  }

  get state(): DevState {
    const state = this.#tryState();
    if (state === undefined) throw new Error(`the cluster is not up:\n${this.output}`);
    return state;
  }

  #tryState(): DevState | undefined {
    try {
      return JSON.parse(readFileSync(join(this.data, "dev.json"), "utf8")) as DevState;
    } catch {
      return undefined;
    }
  }

  get joinToken(): string {
    return readFileSync(join(this.data, "join-token"), "utf8").trim();
  }

  region(name: string): RegionAddress {
    const region = this.state.regions[name];
    if (region === undefined) throw new Error(`no region ${name}`);
    return region;
  }

  /** A request to the control plane. */
  async api(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; json: never }> {
    const response = await fetch(`${this.state.hub.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.state.token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    return { status: response.status, json: (await response.json()) as never };
  }

  async createKey(plan: string, more: object = {}): Promise<{ id: string; key: string }> {
    const { status, json } = await this.api("POST", "/v1/keys", { plan, ...more });
    if (status !== 201) throw new Error(`key not created: ${status} ${JSON.stringify(json)}`);
    this.issuedKeys.add((json as { key: string }).key);
    return json;
  }

  /** A key that every region knows: waits until `/-/usage` answers with it everywhere. */
  async createKnownKey(plan: string, more: object = {}): Promise<{ id: string; key: string }> {
    const created = await this.createKey(plan, more);
    for (const name of Object.keys(this.state.regions)) {
      await until(async () => (await this.usage(name, created.key)) !== undefined, 5_000);
    }
    return created;
  }

  /** `/-/usage` of a region; undefined unless it answered 200. */
  async usage(region: string, key?: string): Promise<Usage | undefined> {
    const response = await fetch(`${this.region(region).url}/-/usage`, {
      headers: key === undefined ? {} : { "x-api-key": key },
    });
    const text = await response.text();
    return response.status === 200 ? (JSON.parse(text) as Usage) : undefined;
  }

  /** Runs a command of the command line beside this cluster. */
  command(...args: string[]): Promise<CommandResult> {
    return command([...args, "--data", this.data], this.folder);
  }

  /** SIGKILL to one process; `dev` starts it again. */
  kill(name: string): void {
    process.kill(name === "hub" ? this.state.hub.pid : this.region(name).pid, "SIGKILL");
  }

  /** Stops `dev` itself in its tracks, so that what dies stays dead, or lets it go on. */
  freezeDev(frozen: boolean): void {
    this.#process?.kill(frozen ? "SIGSTOP" : "SIGCONT");
  }

  /** SIGKILL to all processes at once, `dev` first. */
  async killAll(): Promise<void> {
    const { hub, regions } = this.state;
    this.#process?.kill("SIGKILL");
    for (const { pid } of [hub, ...Object.values(regions)]) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Gone already.
      }
    }
    await this.#ended();
    await sleep(100);
  }

  /** Ctrl-C; keeps the folder. */
  async halt(): Promise<void> {
    this.#process?.kill("SIGINT");
    await this.#ended();
  }

  /** Also looks for the secrets of all keys that were made in what the processes left behind. */
  async stop(): Promise<void> {
    await this.halt();
    try {
      refuseSecrets(this.folder, this.output, this.issuedKeys);
    } finally {
      rmSync(this.folder, { recursive: true, force: true });
    }
  }

  async #ended(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    await new Promise((resolve) => void child.once("exit", resolve));
    clearTimeout(timer);
  }
}

export interface Usage {
  readonly region: string;
  readonly plan: string;
  readonly limits: readonly {
    readonly name: string;
    readonly subject: string;
    readonly quota: number;
    readonly used: number;
    readonly remaining: number;
    readonly resetsAt: string;
  }[];
  readonly viewAgeMs: number;
}

/** Runs the command line; never throws for its exit code. */
export function command(args: readonly string[], cwd: string): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [mainFile, ...args], {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}

/** Polls until `check` holds; throws after `withinMs`. */
export async function until(
  check: () => boolean | Promise<boolean>,
  withinMs: number,
  what = "condition",
): Promise<number> {
  const start = performance.now();
  for (;;) {
    let holds = false;
    try {
      holds = await check();
    } catch {
      // A process that is being started does not answer.
    }
    const elapsed = performance.now() - start;
    if (holds) return elapsed;
    if (elapsed > withinMs) throw new Error(`${what} did not hold within ${withinMs} ms`);
    await sleep(20);
  }
}
