/**
 * A server that fails as it is told, as a process of its own. Every call that reaches it is written down at once, so that
 * a kill loses none of the record.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** `reset`: half a body, then a broken connection. A number: that status. Checks (`/healthz`) fail with a status alone. */
export type Fault = "none" | "reset" | number;

const program = `
  const { appendFileSync } = require("node:fs");
  const [, port, record] = process.argv;
  let fault = "none";
  process.on("message", (message) => { fault = message; process.send("taken"); });
  process.on("disconnect", () => process.exit());
  const server = require("node:http").createServer((request, response) => {
    const id = request.headers["x-call"];
    if (id !== undefined) appendFileSync(record, id + "\\n");
    request.resume();
    if (typeof fault === "number") response.writeHead(fault).end("fault");
    else if (fault === "none" || id === undefined) response.end("whole");
    else {
      response.writeHead(200, { "content-length": 10 });
      response.write("half");
      setTimeout(() => request.socket.resetAndDestroy(), 5);
    }
  });
  server.keepAliveTimeout = 60_000;
  server.listen(Number(port), "127.0.0.1", () => process.send("ready"));
`;

export class FaultyUpstream {
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), "tallygate-upstream-"));
  #child: ChildProcess | undefined;

  constructor(port: number) {
    this.port = port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts (again); resolves when it listens. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, ["--eval", program, String(this.port), this.#record], {
      // With the channel, it ends when this process does.
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child = child;
    await said(child);
  }

  async fail(fault: Fault): Promise<void> {
    const child = this.#child;
    if (child === undefined) throw new Error("the upstream is down");
    const taken = said(child);
    child.send(fault);
    await taken;
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(signal);
  }

  /** Nothing listens any more, and what was in progress is broken off. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  /** Ids of the calls that reached it, in order, repeats repeated. */
  calls(): string[] {
    try {
      return readFileSync(this.#record, "utf8").split("\n").slice(0, -1);
    } catch {
      return [];
    }
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #record(): string {
    return join(this.#folder, "calls");
  }
}

function said(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error("the upstream ended"));
    child.once("exit", ended);
    child.once("message", () => {
      child.off("exit", ended);
      resolve();
    });
  });
}
