/** The copies of the shop's services: a process each, started again when it dies. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { UpstreamConfig } from "../../src/access/compiled-config.ts";
import { TallygateError } from "../../src/base/errors.ts";

/** Between a copy's death and its next start: long enough to see that nobody misses it. */
export const restartMs = 1_000;

/** A start that takes longer has failed. */
const startMsMax = 30_000;

export interface Copy {
  /** `products-2` */
  readonly name: string;
  /** Of the process that runs now; undefined: none does. */
  readonly pid: number | undefined;
}

export interface CopiesOptions {
  /** Folder of the services, `<name of the upstream>.ts` each. */
  readonly folder: string;
  /** Folder that the copies share. */
  readonly data: string;
  readonly upstreams: readonly UpstreamConfig[];
  /** A line about a copy that people should see. */
  onLine(name: string, line: string): void;
}

export class Copies {
  readonly #copies: SupervisedCopy[];

  private constructor(options: CopiesOptions) {
    this.#copies = options.upstreams.flatMap(({ name, targets }) =>
      targets.map(({ url }, i) => {
        const port = new URL(url).port;
        const copy = `${name}-${i + 1}`;
        const file = join(options.folder, `${name}.ts`);
        const args = [file, "--port", port, "--name", copy, "--data", options.data];
        return new SupervisedCopy(copy, args, (line) => options.onLine(copy, line));
      }),
    );
  }

  /** Resolves when all of them listen; rejects with `process-failed` if one does not. */
  static async start(options: CopiesOptions): Promise<Copies> {
    const copies = new Copies(options);
    try {
      await Promise.all(copies.#copies.map((copy) => copy.start()));
      return copies;
    } catch (error) {
      await copies.stop();
      throw error;
    }
  }

  get all(): readonly Copy[] {
    return this.#copies;
  }

  /** SIGKILL: what it was doing is broken off. Resolves when it is gone; it is started again. */
  async kill(name: string): Promise<void> {
    await this.#copies.find((copy) => copy.name === name)?.kill();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#copies.map((copy) => copy.stop()));
  }
}

class SupervisedCopy implements Copy {
  readonly name: string;
  readonly #arguments: readonly string[];
  readonly #tell: (line: string) => void;
  #child: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #isStopping = false;

  constructor(name: string, args: readonly string[], tell: (line: string) => void) {
    this.name = name;
    this.#arguments = args;
    this.#tell = tell;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, this.#arguments, {
      // With the channel, it ends when this process does.
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#child = child;
    let isListening = false;
    child.once("exit", (code, signal) => {
      this.#child = undefined;
      if (isListening && !this.#isStopping) this.#died(signal ?? `exit ${code}`);
    });
    // Aborted with the wait, so that neither listener outlives the start.
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, AbortSignal.timeout(startMsMax)]);
    const ended = once(child, "exit", { signal }).then(() => false);
    const listens = once(child, "message", { signal }).then(() => true);
    isListening = await Promise.race([listens, ended]).catch(() => false);
    ended.catch(() => {});
    listens.catch(() => {});
    over.abort();
    if (!isListening) throw new TallygateError("process-failed", `${this.name} does not start`);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restart);
    // It holds nothing that a kill could harm.
    await this.kill();
  }

  #died(how: string): void {
    this.#tell(`died (${how}); started again in ${restartMs / 1_000} s`);
    this.#restart = setTimeout(() => {
      this.start().then(
        () => this.#tell(`is back, pid ${this.pid}`),
        () => {
          if (!this.#isStopping) this.#tell("does not start again");
        },
      );
    }, restartMs);
  }
}
