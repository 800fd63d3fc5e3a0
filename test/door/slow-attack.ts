/** slowhttptest from Debian: clients that hold connections open by doing everything as slowly as they may. */

import { type ChildProcess, spawn } from "node:child_process";
import { ensureDebian } from "../../scripts/debian.ts";

/** Why it cannot be had here; undefined: it can. */
export async function slowhttptestMissing(): Promise<string | undefined> {
  const packages = await ensureDebian(["slowhttptest"]);
  return packages.state === "installed" ? undefined : packages.why;
}

/** By its own letters. `perSecond`: connections opened a second; 50 is the tool's own default, more where they would be closed before all are there. */
export const attacks = {
  H: {
    what: "slow heads",
    options: ["-H", "-t", "GET", "-x", "24"],
    path: "/r",
    perSecond: 200,
  },
  B: {
    what: "slow bodies",
    options: ["-B", "-t", "POST", "-s", "8192", "-x", "10"],
    path: "/r",
    perSecond: 200,
  },
  R: {
    what: "thousands of ranges",
    options: ["-R", "-t", "GET", "-a", "5", "-b", "1500"],
    path: "/r",
    perSecond: 50,
  },
  X: {
    what: "slow readers of long replies",
    options: ["-X", "-t", "GET", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-k", "3"],
    path: "/long",
    perSecond: 50,
  },
} as const;

export type AttackLetter = keyof typeof attacks;

/** Between bytes of one connection, seconds. */
const paceSeconds = "2";
/** Of one run, seconds; it also ends when the last of its connections was closed. */
const runSecondsMax = 240;

/** Goes on until it is stopped: when all of its connections are closed, it opens as many again. */
export class SlowAttack {
  readonly #letter: AttackLetter;
  readonly #url: string;
  readonly #connections: number;
  #process: ChildProcess | undefined;
  #isStopped = false;
  readonly #over: Promise<void>;
  /** How often it has begun. */
  rounds = 0;

  constructor(letter: AttackLetter, { url, connections }: { url: string; connections: number }) {
    this.#letter = letter;
    this.#url = url;
    this.#connections = connections;
    this.#over = this.#run();
  }

  async #run(): Promise<void> {
    const { options, path, perSecond } = attacks[this.#letter];
    while (!this.#isStopped) {
      this.rounds++;
      const child = spawn(
        "/usr/bin/slowhttptest",
        [
          ...options,
          ...[
            "-c",
            String(this.#connections),
            "-r",
            String(perSecond),
            "-i",
            paceSeconds,
            "-l",
            String(runSecondsMax),
          ],
          ...["-u", this.#url + path],
        ],
        { stdio: "ignore" },
      );
      this.#process = child;
      await new Promise<void>((resolve, reject) => {
        child.once("exit", () => resolve());
        child.once("error", reject);
      });
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#process?.kill("SIGKILL");
    await this.#over;
  }
}
