/**
 * A cluster without `dev`: `tallygate hub` and `tallygate gateway --region …` as processes of their own, which stay
 * down until the test starts them again.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CommandResult,
  command,
  freeBasePort,
  mainFile,
  type Usage,
  until,
} from "./cluster.ts";
import { handlers, type RegionName, regionNames, threeRegions, type Variation } from "./configs.ts";
import type { Running } from "./exactness.ts";
import { refuseSecrets } from "./secret-search.ts";

/** The machine may be busy; how soon a process serves is measured elsewhere. */
const readyMsMax = 30_000;
const outputCharactersMax = 4_000_000;

export interface FleetOptions {
  /** More of the configuration; ports are chosen. */
  readonly config?: Omit<Variation, "plans" | "base" | "regions">;
  /** Where a region's gateway finds the hub; default: where it listens. Asked once, before the gateway's first start. */
  readonly hubFor?: (region: string, hubUrl: string) => Promise<string>;
  /** Default: all three. */
  readonly regions?: readonly RegionName[];
  /** More files beside the configuration, by name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Does something to the data folder before the first start. */
  readonly prepare?: (data: string) => void;
  /** Added to the environment of a process, `hub` or a region. */
  readonly environment?: (name: string) => Readonly<Record<string, string>>;
}

export class Fleet implements Running {
  readonly regionNames: readonly string[];
  readonly folder: string;
  readonly data: string;
  readonly #base: number;
  readonly #options: FleetOptions;
  readonly #processes = new Map<string, ChildProcess>();
  readonly #hubUrls = new Map<string, string>();
  /** Secrets of keys that were made, and must stand nowhere. */
  readonly issuedKeys = new Set<string>();
  /** What the processes printed, for the message of a failed test. */
  output = "";

  private constructor(plans: string, base: number, options: FleetOptions) {
    this.#base = base;
    this.#options = options;
    this.regionNames = options.regions ?? regionNames;
    this.folder = mkdtempSync(join(tmpdir(), "tallygate-fleet-"));
    this.data = join(this.folder, "data");
    this.configure({ ...options.config, plans });
    for (const [name, text] of Object.entries({ ...handlers, ...options.files })) {
      writeFileSync(join(this.folder, name), text);
    }
  }

  /** Hub and all gateways, ready. */
  static async start(plans: string, options: FleetOptions = {}): Promise<Fleet> {
    const fleet = new Fleet(plans, await freeBasePort(), options);
    try {
      options.prepare?.(fleet.data);
      await fleet.startHub();
      await Promise.all(fleet.gatewayNames.map((name) => fleet.startGateway(name)));
    } catch (error) {
      await fleet.stop();
      throw error;
    }
    return fleet;
  }

  /** Puts a configuration in the place of the present one. Running processes notice by themselves. */
  configure(config: Omit<Variation, "base" | "regions">): void {
    const file = join(this.folder, "tallygate.yaml");
    const regions = this.#options.regions ?? regionNames;
    writeFileSync(`${file}.new`, threeRegions({ ...config, base: this.#base, regions }));
    renameSync(`${file}.new`, file);
  }

  get hubUrl(): string {
    return `http://127.0.0.1:${this.#base}`;
  }

  /** `sydney`; where a region has several processes also `sydney/1`, … */
  get gatewayNames(): readonly string[] {
    const count = this.#options.config?.processes ?? 1;
    return this.regionNames.flatMap((region) =>
      Array.from({ length: count }, (_, k) => (k === 0 ? region : `${region}/${k}`)),
    );
  }

  url(region: string): string {
    return `http://127.0.0.1:${this.#base + 1 + place(region)}`;
  }

  /** Of a region's process, in ports behind each other. */
  operations(name: string): string {
    const [region = "", process = "0"] = name.split("/");
    return `http://127.0.0.1:${this.#base + 101 + place(region) + Number(process)}`;
  }

  async startHub(): Promise<void> {
    this.#spawn("hub", ["hub"]);
    await this.#ready("hub", `${this.hubUrl}/health/ready`);
  }

  /** Resolves when the gateway says that it is ready, with the milliseconds it took. */
  async startGateway(name: string): Promise<number> {
    const [region = "", process = "0"] = name.split("/");
    const hubUrl =
      this.#hubUrls.get(region) ??
      (await this.#options.hubFor?.(region, this.hubUrl)) ??
      this.hubUrl;
    this.#hubUrls.set(region, hubUrl);
    const which = ["--region", region, "--process", process];
    this.#spawn(name, ["gateway", ...which, "--hub-url", hubUrl]);
    return this.#ready(name, `${this.operations(name)}/health/ready`);
  }

  /** Sends a signal to a process, `hub` or a region, and resolves with its exit code when it has ended; null: by a signal. */
  async end(name: string, signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
    const child = this.#processes.get(name);
    this.#processes.delete(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) {
      return child?.exitCode ?? null;
    }
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill(signal);
    await ended;
    return child.exitCode;
  }

  /** Of a process that runs. */
  pid(name: string): number {
    const pid = this.#processes.get(name)?.pid;
    if (pid === undefined) throw new Error(`${name} does not run`);
    return pid;
  }

  /** SIGSTOP: it keeps its connections and its port, and answers nobody. SIGCONT: it goes on. SIGHUP: it reads its configuration again. */
  signal(name: string, signal: NodeJS.Signals): void {
    this.#processes.get(name)?.kill(signal);
  }

  /** Also looks for the secrets of all keys that were made in what the processes left behind. */
  async stop(): Promise<void> {
    for (const name of this.#processes.keys()) this.signal(name, "SIGCONT");
    await Promise.all(this.gatewayNames.map((name) => this.end(name, "SIGTERM")));
    await this.end("hub", "SIGTERM");
    try {
      refuseSecrets(this.folder, this.output, this.issuedKeys);
    } finally {
      rmSync(this.folder, { recursive: true, force: true });
    }
  }

  async usage(region: string, key: string): Promise<Usage | undefined> {
    const response = await fetch(`${this.url(region)}/-/usage`, {
      headers: { "x-api-key": key },
    });
    const text = await response.text();
    return response.status === 200 ? (JSON.parse(text) as Usage) : undefined;
  }

  /** Status of one call with a key. */
  async call(region: string, key: string): Promise<number> {
    const response = await fetch(this.url(region), { headers: { "x-api-key": key } });
    await response.text();
    return response.status;
  }

  async createKnownKey(plan: string): Promise<{ id: string; key: string }> {
    const { status, json } = await this.api("POST", "/v1/keys", { plan });
    if (status !== 201) throw new Error(`key not created: ${status} ${JSON.stringify(json)}`);
    const created = json as { id: string; key: string };
    this.issuedKeys.add(created.key);
    for (const name of this.regionNames) {
      const isKnown = async () => (await this.usage(name, created.key)) !== undefined;
      await until(isKnown, 10_000, `${name} to know a new key`);
    }
    return created;
  }

  async api(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; json: unknown }> {
    const token = readFileSync(join(this.data, "admin-token"), "utf8").trim();
    const response = await fetch(`${this.hubUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    return { status: response.status, json: await response.json() };
  }

  /** A command that asks the control plane. */
  command(...args: string[]): Promise<CommandResult> {
    return command([...args, "--url", this.hubUrl, "--data", this.data], this.folder);
  }

  /** A command that works on the data folder. */
  offline(...args: string[]): Promise<CommandResult> {
    return command([...args, "--data", this.data], this.folder);
  }

  #spawn(name: string, args: readonly string[]): void {
    const config = join(this.folder, "tallygate.yaml");
    const child = spawn(
      process.execPath,
      [mainFile, ...args, "--config", config, "--data", this.data],
      {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, ...this.#options.environment?.(name) },
      },
    );
    this.#processes.set(name, child);
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        this.output = (this.output + chunk.toString()).slice(-outputCharactersMax);
      });
    }
  }

  async #ready(name: string, url: string): Promise<number> {
    const child = this.#processes.get(name);
    const answers = async (): Promise<boolean> => {
      const response = await fetch(url);
      await response.text();
      return response.ok;
    };
    const hasEnded = (): boolean => child === undefined || child.exitCode !== null;
    const tookMs = await until(
      async () => hasEnded() || (await answers()),
      readyMsMax,
      `${name} to be ready\n${this.output.slice(-20_000)}`,
    );
    if (hasEnded()) throw new Error(`${name} ended:\n${this.output.slice(-20_000)}`);
    return tookMs;
  }
}

/** Among the ports. */
function place(region: string): number {
  return regionNames.indexOf(region as never);
}
