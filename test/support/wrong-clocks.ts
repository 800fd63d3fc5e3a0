/**
 * A fleet whose processes see wall clocks of the test's making, each its own (libfaketime); monotonic time is true. Linux
 * alone, and where the package is installed or can be.
 */

import { globSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureDebian } from "../../scripts/debian.ts";
import { regionNames } from "./configs.ts";
import { FarFleet } from "./far-fleet.ts";
import { probed } from "./memory-probe.ts";

const libraryPattern = "/usr/lib/*/faketime/libfaketimeMT.so.1";

/** Where the library is, or why there is none. */
export async function fakeTime(): Promise<{ readonly path: string } | { readonly why: string }> {
  const packages = await ensureDebian(["libfaketime"]);
  const path = globSync(libraryPattern)[0];
  if (path !== undefined) return { path };
  return { why: packages.state === "installed" ? `no ${libraryPattern}` : packages.why };
}

export class WrongClocks {
  /** What the fleet takes for the present is so far ahead of this process's. */
  readonly baseSeconds: number;
  readonly #folder = mkdtempSync(join(tmpdir(), "tallygate-clocks-"));

  private constructor(baseSeconds: number) {
    this.baseSeconds = baseSeconds;
  }

  /** All clocks right, but for `baseSeconds`, which they have in common. */
  static async start(
    plans: string,
    libraryPath: string,
    baseSeconds = 0,
  ): Promise<{ clocks: WrongClocks; far: FarFleet }> {
    const clocks = new WrongClocks(baseSeconds);
    for (const name of ["hub", ...regionNames]) clocks.set(name, 0);
    const environment = (name: string) => ({
      LD_PRELOAD: libraryPath,
      FAKETIME_TIMESTAMP_FILE: clocks.#file(name),
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
      ...probed(clocks.memoryFile),
    });
    try {
      return { clocks, far: await FarFleet.start(plans, { environment }) };
    } catch (error) {
      clocks.remove();
      throw error;
    }
  }

  /** The wall clock of `hub` or a region's gateway differs from the right one by so much, from now on and after a restart. */
  set(name: string, offsetSeconds: number): void {
    const seconds = this.baseSeconds + offsetSeconds;
    const sign = seconds < 0 ? "" : "+";
    const fresh = `${this.#file(name)}.new`;
    writeFileSync(fresh, `${sign}${seconds}`);
    // Read at every look at the clock: never half of it.
    renameSync(fresh, this.#file(name));
  }

  /** What the processes hold, where a `ProcessWatch` asks them. */
  get memoryFile(): string {
    return join(this.#folder, "memory.jsonl");
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }
}
