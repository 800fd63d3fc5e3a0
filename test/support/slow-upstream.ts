/** An upstream as a process of its own that works on so many calls at a time; what comes on top waits in it, without end. */

import { type ChildProcess, spawn } from "node:child_process";

const program = `
  const [port, workers, serviceMs] = process.argv.slice(1).map(Number);
  let busy = 0;
  const waiting = [];
  const next = () => {
    while (busy < workers && waiting.length > 0) {
      busy++;
      const response = waiting.shift();
      setTimeout(() => { response.end("done"); busy--; next(); }, serviceMs);
    }
  };
  const server = require("node:http").createServer((_, response) => { waiting.push(response); next(); });
  server.listen(port, "127.0.0.1", () => console.log("ready"));
  process.on("disconnect", () => process.exit());
`;

export class SlowUpstream {
  readonly #child: ChildProcess;
  /** Calls a second that it can answer. */
  readonly capacity: number;

  private constructor(child: ChildProcess, capacity: number) {
    this.#child = child;
    this.capacity = capacity;
  }

  static async start(
    port: number,
    of: { readonly workers: number; readonly serviceMs: number },
  ): Promise<SlowUpstream> {
    const args = [port, of.workers, of.serviceMs].map(String);
    const child = spawn(process.execPath, ["--eval", program, ...args], {
      // With the channel, it ends when this process does.
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    await new Promise<void>((resolve, reject) => {
      child.stdout?.once("data", () => resolve());
      child.once("exit", () => reject(new Error("the upstream ended")));
    });
    return new SlowUpstream(child, (of.workers * 1000) / of.serviceMs);
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }
}
