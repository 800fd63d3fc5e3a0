/**
 * A hub and gateways that share nothing but the network, all of it over TLS: folders of their own, join token and
 * certificates handed to each, HTTPS to callers.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Agent, fetch, type Response } from "undici";
import {
  type CertificateMaker,
  certificateMaker,
} from "../../src/adapters/node/testing/certificates.ts";
import { type CommandResult, command, freeBasePort, mainFile, until } from "./cluster.ts";
import { handlers } from "./configs.ts";

export const secureRegions = ["sydney", "seoul"] as const;
export type SecureRegion = (typeof secureRegions)[number];

/** The name that the gateways' certificate is for. */
export const apiName = "api.example";

const joinToken = "join-token-of-the-tests";
const readyMsMax = 30_000;

export class SecureCluster {
  readonly certificates: CertificateMaker = certificateMaker();
  readonly #base: number;
  readonly #processes: ChildProcess[] = [];
  readonly #agent: Agent;
  /** What the processes printed, for the message of a failed test. */
  output = "";

  private constructor(base: number) {
    this.#base = base;
    const { authority, make, folder } = this.certificates;
    this.#agent = new Agent({ connect: { ca: authority.cert, servername: apiName } });
    make("hub", { names: ["IP:127.0.0.1"] });
    make("api", { names: [apiName] });
    for (const region of secureRegions) make(`${region}-link`, { names: [region] });
    for (const name of ["hub", ...secureRegions]) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, "tallygate.yaml"), this.#config(name));
      writeFileSync(join(folder, name, "hello.mjs"), handlers["hello.mjs"]);
    }
  }

  static async start(): Promise<SecureCluster> {
    const cluster = new SecureCluster(await freeBasePort());
    try {
      cluster.#spawn("hub", ["hub"]);
      await until(() => cluster.#isReady(cluster.hubUrl), readyMsMax, `the hub\n${cluster.output}`);
      for (const region of secureRegions) cluster.#spawn(region, ["gateway", "--region", region]);
      for (const [place, region] of secureRegions.entries()) {
        const url = `http://127.0.0.1:${cluster.#base + 101 + place}`;
        await until(() => cluster.#isReady(url), readyMsMax, `${region}\n${cluster.output}`);
      }
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  get hubUrl(): string {
    return `https://127.0.0.1:${this.#base}`;
  }

  port(region: SecureRegion): number {
    return this.#base + 1 + secureRegions.indexOf(region);
  }

  redirectPort(region: SecureRegion): number {
    return this.port(region) + 10;
  }

  /** A call that checks the gateway's certificate. */
  call(region: SecureRegion, path: string, key: string): Promise<Response> {
    return fetch(`https://127.0.0.1:${this.port(region)}${path}`, {
      headers: { host: apiName, "x-api-key": key },
      dispatcher: this.#agent,
    });
  }

  /** A command with the CA that the hub's certificate is checked against, or without. */
  command(args: readonly string[], knowsCa = true): Promise<CommandResult> {
    const { folder, authority } = this.certificates;
    const token = readFileSync(join(folder, "hub", "data", "admin-token"), "utf8").trim();
    const ca = knowsCa ? ["--ca", authority.certFile] : [];
    return command([...args, "--url", this.hubUrl, "--token", token, ...ca], folder);
  }

  async stop(): Promise<void> {
    await this.#agent.destroy();
    for (const child of this.#processes.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => void child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    }
    rmSync(this.certificates.folder, { recursive: true, force: true });
  }

  #config(name: string): string {
    const client =
      name === "hub" ? "" : `, client: { cert: ../${name}-link.crt, key: ../${name}-link.key }`;
    const regions = secureRegions.map((region, place) => {
      const port = this.#base + 1 + place;
      return `  ${region}:
    listen: 127.0.0.1:${port}
    operations: 127.0.0.1:${port + 100}
    tls:
      certificates: [{ cert: ../api.crt, key: ../api.key }]
      redirect: { listen: "127.0.0.1:${port + 10}" }
      hsts: { maxAge: 1h }`;
    });
    return `version: 1
hub:
  listen: 127.0.0.1:${this.#base}
  tls: { cert: ../hub.crt, key: ../hub.key, clientCa: ../authority.crt }
  ca: ../authority.crt${client.replace(", ", "\n  ")}
regions:
${regions.join("\n")}
plans: { pro: { limits: [{ name: month, per: key, quota: 100000, window: month }] } }
routes: [{ path: /, handler: ./hello.mjs }]
`;
  }

  async #isReady(url: string): Promise<boolean> {
    const agent = new Agent({ connect: { ca: this.certificates.authority.cert } });
    try {
      const response = await fetch(`${url}/health/ready`, { dispatcher: agent });
      await response.text();
      return response.ok;
    } finally {
      await agent.destroy();
    }
  }

  #spawn(name: string, args: readonly string[]): void {
    const folder = join(this.certificates.folder, name);
    const at = ["--config", join(folder, "tallygate.yaml"), "--data", join(folder, "data")];
    const child = spawn(process.execPath, [mainFile, ...args, ...at], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, TALLYGATE_JOIN_TOKEN: joinToken },
    });
    this.#processes.push(child);
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        this.output = (this.output + chunk.toString()).slice(-20_000);
      });
    }
  }
}
