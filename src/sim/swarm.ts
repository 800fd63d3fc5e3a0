/** What a seed draws before it starts: the size of its cluster and, for each kind of fault, off, mild or harsh. */

import type { SeededRandom } from "../base/random.ts";

/** Mean time between two faults of a kind, ms; 0: never. */
export interface Swarm {
  readonly gateways: number;
  readonly keys: number;
  readonly flushIntervalMs: number;
  /** Arrivals a second while busy, as a multiple of the mean that the run needs; and while idle. */
  readonly busyShare: number;
  readonly idlePerSecond: number;
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly messageRepeats: number;
  readonly streamRepeats: number;
  /** Longest time of one operation of a journal's disk and of the hub's. */
  readonly journalLatencyMs: number;
  readonly hubLatencyMs: number;
  readonly every: Readonly<Record<FaultKind, number>>;
}

export const faultKinds = [
  "cut",
  "oneWay",
  "slow",
  "gatewayCrash",
  "hubCrash",
  "journalFails",
  "stateFails",
  "streamFails",
  "ledgerFails",
  "pause",
  "stall",
  "clockJump",
  "hubPause",
  "hubStall",
  "hubClock",
  "keys",
  "diskLost",
  "diskPutBack",
  "backup",
  "hubRestored",
  "streamCut",
  "streamReplaced",
  "hubTakenOver",
  "hubCopied",
  "config",
  "regions",
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** By how much the time between faults of a kind is longer than its level says: so for most, being many, and more where much has to be done again. */
const rarely = 2;
const rare: Partial<Record<FaultKind, number>> = {
  ...{ backup: 1.7, keys: 1.2 },
  ...{ diskLost: 2.6, diskPutBack: 2.6, hubRestored: 2.7, streamCut: 2.3, streamReplaced: 2.7 },
  ...{ hubTakenOver: 1.9, hubCopied: 2.3, hubClock: 2.6, config: 3.1, regions: 2.8 },
  ...{ gatewayCrash: 2.2, hubCrash: 2.3 },
};

/** Of eight seeds three have these faults alone: what holds without others is checked there most sharply. */
const calm: ReadonlySet<FaultKind> = new Set(["keys"]);
const inOrder: ReadonlySet<FaultKind> = new Set(["keys", "config", "regions", "backup"]);
const network: ReadonlySet<FaultKind> = new Set([
  ...(["cut", "oneWay", "slow", "pause", "stall", "hubPause", "hubStall", "keys"] as const),
]);

function flushIntervals(gateways: number): readonly number[] {
  if (gateways === 2) return [50, 100, 200, 200, 200];
  return gateways === 3 ? [100, 300, 400, 400, 500] : [200, 500, 500, 500, 700];
}

const mildMs = 60_000;
const harshMs = 12_000;

export function drawSwarm(random: SeededRandom): Swarm {
  const level = (): number => [0, mildMs, harshMs, harshMs][random.below(4)] as number;
  const only = [calm, inOrder, network][random.below(8)];
  const isCalm = only === calm;
  const every = Object.fromEntries(
    faultKinds.map((kind) => [
      kind,
      only?.has(kind) === false ? 0 : level() * (rare[kind] ?? rarely),
    ]),
  ) as Record<FaultKind, number>;
  const gateways = [2, 2, 2, 2, 3, 3, 4][random.below(7)] as number;
  return {
    gateways,
    keys: 3 + random.below(7),
    // Many gateways with short intervals would fill the run with timers.
    flushIntervalMs: flushIntervals(gateways)[random.below(5)] as number,
    busyShare: 1.4 + 1.6 * random.next(),
    idlePerSecond: 1 + random.below(5),
    delayMs: 1 + random.below(60),
    jitterMs: random.below(20),
    messageRepeats: isCalm ? 0 : ([0, 0.01, 0.1][random.below(3)] as number),
    streamRepeats: isCalm ? 0 : ([0, 0.01, 0.1][random.below(3)] as number),
    journalLatencyMs: isCalm ? 1 : ([1, 5, 30][random.below(3)] as number),
    hubLatencyMs: isCalm ? 1 : ([1, 5, 100][random.below(3)] as number),
    every,
  };
}
