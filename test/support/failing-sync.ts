/** A disk whose syncs of the journal's log fail when a test says so, for processes that are started with its environment. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const source = join(import.meta.dirname, "failing-sync.c");
/** Far more than a process tries while a test looks on. */
const always = 1_000_000;

export class FailingSync {
  readonly #folder: string;
  readonly #control: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#control = join(folder, "failures");
    this.fail(0);
  }

  /** Compiles it; or why that cannot be done here. */
  static make(): FailingSync | string {
    if (process.platform !== "linux") return "syncs are made to fail on Linux alone";
    const folder = mkdtempSync(join(tmpdir(), "tallygate-failing-sync-"));
    const library = join(folder, "failing-sync.so");
    const args = ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"];
    const { status, error, stderr } = spawnSync("gcc", args, { encoding: "utf8" });
    if (status === 0) return new FailingSync(folder);
    rmSync(folder, { recursive: true, force: true });
    return `gcc: ${error?.message ?? stderr}`;
  }

  get environment(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: join(this.#folder, "failing-sync.so"),
      TALLYGATE_FAIL_SYNCS: this.#control,
    };
  }

  /** So many syncs from now on fail. */
  fail(times: number = always): void {
    writeFileSync(this.#control, "1".repeat(times));
  }

  /** Failures that are still to come. */
  get left(): number {
    return statSync(this.#control).size;
  }

  /** Syncs that have failed since `fail()`. */
  get failed(): number {
    return always - this.left;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
