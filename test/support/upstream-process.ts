/** An upstream as a process of its own, so that it can be stopped in its tracks: answers every call at once. */

import { type ChildProcess, spawn } from "node:child_process";

const program = `
  const server = require("node:http").createServer((_, response) => response.end("upstream"));
  server.listen(Number(process.argv[1]), "127.0.0.1", () => console.log("ready"));
  process.on("disconnect", () => process.exit());
`;

export class UpstreamProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(port: number): Promise<UpstreamProcess> {
    const child = spawn(process.execPath, ["--eval", program, String(port)], {
      // With the channel, it ends when this process does.
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    await new Promise<void>((resolve, reject) => {
      child.stdout?.once("data", () => resolve());
      child.once("exit", () => reject(new Error("the upstream ended")));
    });
    return new UpstreamProcess(child);
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(signal);
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }
}
