/**
 * Issue row 8: kills processes of a cluster under load, so many times each, and takes stock. Each kind of kill is a
 * round of its own on one cluster, so that what one leaves behind is the next one's start.
 */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { CallLedger } from "./call-ledger.ts";
import { Cluster, until } from "./cluster.ts";
import { handlers, regionNames, threeRegions } from "./configs.ts";
import { assertExact, type Counted, type Running } from "./exactness.ts";
import { isAlive, type ProcessAge, processAge } from "./process-age.ts";

export type Durability = "os" | "disk";
export type Victim = "gateway" | "hub" | "everything";

export interface CrashRound {
  readonly victim: Victim;
  readonly kills: number;
  readonly counted: Counted;
  /** Age of each killed gateway's next process when it first answered 200. */
  readonly served: readonly ProcessAge[];
  /**
   * Calls that failed in any way at gateways that ran: beside one that was killed, until it served again; at all of them while the hub
   * was killed.
   */
  readonly failedElsewhere: number;
}

/** Kills of each kind, of issue row 8. */
export const fullKills: Readonly<Record<Victim, number>> = { gateway: 20, hub: 10, everything: 3 };
export const servesAgainMsMax = 2_000;

/** Calls a second to all three regions together. */
const perSecond = 500;
const connectionsPerRegion = 16;
const keyCount = 5;

/** Load before the first kill, and between kills: several flushes, and a checkpoint now and then. */
const calmMsMin = 300;
const calmMsMax = 1_200;

const servesMsMax = 20_000;

/** A cluster to be killed under load. */
export class CrashCluster {
  readonly cluster: Cluster;
  readonly #random: () => number;

  private constructor(cluster: Cluster, seed: number) {
    this.cluster = cluster;
    this.#random = seeded(seed);
  }

  /** `seed` chooses victims and moments. */
  static async start(durability: Durability, seed: number): Promise<CrashCluster> {
    const plans = "huge: { limits: [{ name: month, per: key, quota: 1000000000, window: month }] }";
    const config = threeRegions({ plans, top: `durability: ${durability}` });
    return new CrashCluster(await Cluster.start({ config, files: handlers }), seed);
  }

  stop(): Promise<void> {
    return this.cluster.stop();
  }

  /** With new keys: a round's books begin at nothing. */
  async round(victim: Victim, kills: number): Promise<CrashRound> {
    const { cluster } = this;
    const keys = await this.#freshKeys();
    const targets = regionNames.map((region) => ({ region, url: cluster.region(region).url }));
    const ledger = new CallLedger({
      ...{ targets, keys: [...keys.keys()], perSecond },
      connections: connectionsPerRegion,
    });
    const served: ProcessAge[] = [];
    const killed = new Set<string>();
    let failedBeside = 0;
    ledger.start();
    try {
      for (let i = 0; i < kills; i++) {
        await sleep(calmMsMin + this.#random() * (calmMsMax - calmMsMin));
        if (victim === "gateway") {
          const region = regionNames[Math.floor(this.#random() * regionNames.length)] as string;
          killed.add(region);
          const failedBefore = failuresBeside(region, ledger);
          served.push(await this.#killGateway(region, ledger));
          failedBeside += failuresBeside(region, ledger) - failedBefore;
        } else if (victim === "hub") await this.#killHub();
        else {
          for (const region of regionNames) killed.add(region);
          served.push(...(await this.#killEverything(ledger)));
        }
      }
      await sleep(calmMsMin);
    } finally {
      await ledger.stop();
    }
    const counted = await assertExact(running(cluster), ledger, keys);
    const neverKilled = regionNames.filter((region) => !killed.has(region));
    const failedElsewhere = victim === "gateway" ? failedBeside : failuresOf(neverKilled, ledger);
    return { victim, kills, counted, served, failedElsewhere };
  }

  /** Id by secret. */
  async #freshKeys(): Promise<ReadonlyMap<string, string>> {
    const keys = new Map<string, string>();
    for (let i = 0; i < keyCount; i++) {
      const { key, id } = await this.cluster.createKnownKey("huge");
      keys.set(key, id);
    }
    return keys;
  }

  async #killGateway(region: string, ledger: CallLedger): Promise<ProcessAge> {
    const { pid } = this.cluster.region(region);
    this.cluster.kill(region);
    await until(() => !isAlive(pid), servesMsMax, `${region} to be gone`);
    const newPid = (): number | undefined => {
      const now = this.cluster.region(region).pid;
      return now === pid ? undefined : now;
    };
    return this.#servedAfter(region, ledger, newPid);
  }

  async #killHub(): Promise<void> {
    const { pid } = this.cluster.state.hub;
    this.cluster.kill("hub");
    await until(() => this.cluster.state.hub.pid !== pid, servesMsMax, "another hub to be ready");
  }

  async #killEverything(ledger: CallLedger): Promise<ProcessAge[]> {
    await this.cluster.killAll();
    const started = this.cluster.start();
    // While it starts, dev.json is not there yet.
    const pidOf = (region: string) => (): number | undefined => {
      try {
        return this.cluster.region(region).pid;
      } catch {
        return undefined;
      }
    };
    const served = await Promise.all(
      regionNames.map((region) => this.#servedAfter(region, ledger, pidOf(region))),
    );
    await started;
    return served;
  }

  /** Age of the region's process at the first 200 on a new connection. */
  async #servedAfter(
    region: string,
    ledger: CallLedger,
    newPid: () => number | undefined,
  ): Promise<ProcessAge> {
    const url = `http://127.0.0.1:${this.cluster.basePort + 1 + regionNames.indexOf(region as never)}`;
    let servedAtMs = 0;
    await until(
      async () => {
        if ((await ledger.probe({ region, url })) !== 200) return false;
        servedAtMs = performance.now();
        return true;
      },
      servesMsMax,
      `${region} to serve again`,
    );
    // dev.json names it a moment later, when dev has seen that it is ready.
    const ages: ProcessAge[] = [];
    await until(
      () => {
        const pid = newPid();
        const age = pid === undefined ? undefined : processAge(pid);
        if (age !== undefined) ages.push(age);
        return age !== undefined;
      },
      servesMsMax,
      `${region} to be in dev.json`,
    );
    const { ms, cpuMs } = ages[0] as ProcessAge;
    return { ms: Math.max(0, ms - (performance.now() - servedAtMs)), cpuMs };
  }
}

function failuresOf(regions: readonly string[], ledger: CallLedger): number {
  return regions.reduce((sum, region) => sum + ledger.failures(region), 0);
}

function failuresBeside(victim: string, ledger: CallLedger): number {
  return failuresOf(
    regionNames.filter((region) => region !== victim),
    ledger,
  );
}

export function running(cluster: Cluster): Running {
  return {
    regionNames,
    usage: (region, key) => cluster.usage(region, key),
    command: (...args) => cluster.command(...args),
  };
}

/** mulberry32: enough to choose victims with, and the same again from its seed. */
function seeded(seed: number): () => number {
  assert.ok(Number.isInteger(seed));
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One line for people. */
export function describeRound({ victim, kills, counted, served }: CrashRound): string {
  const { total, acked, unknown, over, settledMs } = counted;
  const worst = (of: (age: ProcessAge) => number): number =>
    Math.round(Math.max(...served.map(of)));
  const serves =
    served.length === 0
      ? ""
      : `; served again after ${worst(({ ms }) => ms)} ms at most, ${worst(({ cpuMs }) => cpuMs)} ms of it on a core`;
  return (
    `${victim} × ${kills}: ${total} counted, ${acked} answered, ${unknown} unknown, over ${over}, ` +
    `equal everywhere after ${Math.round(settledMs)} ms${serves}`
  );
}
