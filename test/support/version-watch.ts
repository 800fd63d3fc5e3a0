/**
 * Looks at the versions of totals that the hub has and that every gateway process decides with, again and again: none may
 * go back while the process runs, and after a restore every one must be of a higher epoch than any before.
 */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Fleet } from "./fleet.ts";

interface Version {
  readonly epoch: number;
  readonly position: number;
}

interface Regions {
  readonly regions: readonly {
    readonly name: string;
    readonly processes: readonly { readonly process: number; readonly view: Version }[];
  }[];
}

const intervalMs = 25;

export class VersionWatch {
  /** What went back. */
  readonly steps: string[] = [];
  readonly #fleet: Fleet;
  readonly #newest = new Map<string, Version>();
  #isStopped = false;
  #running: Promise<void> | undefined;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  start(): void {
    this.#running = this.#watch();
  }

  /** Fails if a version went back. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    assert.deepEqual(this.steps, [], "versions that went back");
  }

  /** A gateway that was killed goes on from the view that it saved last. */
  forget(region: string): void {
    for (const who of this.#newest.keys()) {
      if (who.startsWith(`${region} `)) this.#newest.delete(who);
    }
  }

  /** The highest epoch seen anywhere. */
  get epoch(): number {
    return Math.max(0, ...[...this.#newest.values()].map(({ epoch }) => epoch));
  }

  /** Lowest epoch that somebody is known to be at. */
  get lowestEpoch(): number {
    return Math.min(...[...this.#newest.values()].map(({ epoch }) => epoch));
  }

  async #watch(): Promise<void> {
    while (!this.#isStopped) {
      // The hub may be away.
      await this.#look().catch(() => undefined);
      await sleep(intervalMs);
    }
  }

  async #look(): Promise<void> {
    const { json } = await this.#fleet.api("GET", "/v1/status");
    const { version, regions } = json as Regions & { readonly version: Version };
    this.#see("hub", version);
    for (const { name, processes } of regions) {
      for (const { process, view } of processes) {
        // A process that has not told its view since the hub's start.
        if (view.epoch > 0) this.#see(`${name} ${process}`, view);
      }
    }
  }

  #see(who: string, version: Version): void {
    const before = this.#newest.get(who);
    const isBack =
      before !== undefined &&
      (version.epoch < before.epoch ||
        (version.epoch === before.epoch && version.position < before.position));
    if (isBack) this.steps.push(`${who}: ${text(before)} → ${text(version)}`);
    this.#newest.set(who, version);
  }
}

function text({ epoch, position }: Version): string {
  return `${epoch}/${position}`;
}
