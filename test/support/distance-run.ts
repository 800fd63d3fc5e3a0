/** T6: latencies of calls while the hub is far away, the way to it loses segments, or it does not answer at all. */

import { setTimeout as sleep } from "node:timers/promises";
import { CallLedger } from "./call-ledger.ts";
import { regionNames } from "./configs.ts";
import { assertExact, type Counted } from "./exactness.ts";
import { FarFleet } from "./far-fleet.ts";
import type { LinkFaults } from "./fault-pipe.ts";
import { percentile } from "./load.ts";

export interface Distance {
  readonly name: string;
  /** Of both directions. */
  readonly faults: Partial<LinkFaults>;
  /** Of one phase with the faults. */
  readonly phaseMs: number;
}

export interface DistanceSetting {
  readonly distances: readonly Distance[];
  /** Phases without and with the faults alternate, so many of each. */
  readonly rounds: number;
  /** Of one phase without the faults. */
  readonly nearMs: number;
  /** To all regions together. */
  readonly perSecond: number;
}

export interface DistanceFigures {
  readonly name: string;
  /** Medians over the rounds. */
  readonly p50Ms: Compared;
  readonly p90Ms: Compared;
  readonly p99Ms: Compared;
}

interface Compared {
  readonly near: number;
  readonly far: number;
}

const connectionsPerRegion = 16;
/** Of the code on the path. */
const warmUpMs = 1_000;
/** Until what was held back has arrived, so that the next phase is without faults. */
const calmMs = 300;

const plans = "huge: { limits: [{ name: month, per: key, quota: 1000000000, window: month }] }";

export class DistanceRun {
  readonly #far: FarFleet;
  readonly #ledger: CallLedger;
  readonly #keys: ReadonlyMap<string, string>;
  readonly #setting: DistanceSetting;

  private constructor(far: FarFleet, keys: ReadonlyMap<string, string>, setting: DistanceSetting) {
    this.#far = far;
    this.#keys = keys;
    this.#setting = setting;
    this.#ledger = new CallLedger({
      targets: regionNames.map((region) => ({ region, url: far.fleet.url(region) })),
      keys: [...keys.keys()],
      perSecond: setting.perSecond,
      connections: connectionsPerRegion,
    });
  }

  /** With the load running. */
  static async start(setting: DistanceSetting): Promise<DistanceRun> {
    const far = await FarFleet.start(plans);
    try {
      const { key, id } = await far.fleet.createKnownKey("huge");
      const run = new DistanceRun(far, new Map([[key, id]]), setting);
      run.#ledger.start();
      await sleep(warmUpMs);
      return run;
    } catch (error) {
      await far.stop();
      throw error;
    }
  }

  async measure({ name, faults, phaseMs }: Distance): Promise<DistanceFigures> {
    const near: number[][] = [];
    const far: number[][] = [];
    for (let round = 0; round < this.#setting.rounds; round++) {
      near.push(await this.#phase(this.#setting.nearMs));
      for (const link of this.#far.links) link.set(["up", "down"], faults);
      far.push(await this.#phase(phaseMs));
      for (const link of this.#far.links) link.heal();
      await sleep(calmMs);
    }
    const at = (share: number): Compared => ({
      near: medianOf(near, share),
      far: medianOf(far, share),
    });
    return { name, p50Ms: at(0.5), p90Ms: at(0.9), p99Ms: at(0.99) };
  }

  /** Calls that were answered with anything but 200, or not at all. */
  get failed(): number {
    return regionNames.reduce((sum, region) => sum + this.#ledger.failures(region), 0);
  }

  get lostSegments(): number {
    return this.#far.links.reduce((sum, { counts }) => sum + counts.lostSegments, 0);
  }

  /** Ends the load, and takes stock. */
  async settle(): Promise<Counted> {
    await this.#ledger.stop();
    return assertExact(this.#far.fleet, this.#ledger, this.#keys);
  }

  async stop(): Promise<void> {
    await this.#ledger.stop();
    await this.#far.stop();
  }

  /** Latencies of the calls due in a phase. */
  async #phase(phaseMs: number): Promise<number[]> {
    const fromMs = performance.now();
    await sleep(phaseMs);
    return this.#ledger.latencies(regionNames, fromMs, performance.now());
  }
}

function medianOf(phases: readonly (readonly number[])[], share: number): number {
  return percentile(
    phases.map((latencies) => percentile(latencies, share)),
    0.5,
  );
}

/** One line for people. */
export function describeDistance({ name, p50Ms, p99Ms }: DistanceFigures): string {
  const told = ({ near, far }: Compared): string => `${near.toFixed(2)} → ${far.toFixed(2)} ms`;
  return `${name}: p50 ${told(p50Ms)}, p99 ${told(p99Ms)}`;
}
