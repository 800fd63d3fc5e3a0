/** One run of one seed: a busy cluster with faults, then healing, then rest. */

import type { AdminKey } from "./admin.ts";
import type { Caller } from "./callers.ts";
import type { CallRecord } from "./calls.ts";
import { Cluster } from "./cluster.ts";
import { type PlanName, simConfig } from "./config.ts";
import { Faults } from "./faults.ts";
import type { SimGateway } from "./gateway.ts";
import type { Plant } from "./plants/plant.ts";
import { checkAtRest } from "./rest-checkers.ts";
import { drawSwarm } from "./swarm.ts";
import type { Violation } from "./violation.ts";
import { World } from "./world.ts";

/** Three minutes are closed in it, the first of them short. */
const faultyMsMin = 126_000;
const faultyMsMax = 1_200_000;
/** A run goes on with faults until it was as busy as this; then it has meant something, and costs no more than it must. */
const busyEnough = { events: 18_500, admissions: 2_005, closedWindows: 3 };
/** Healing and rest add the others. */
const eventsMin = 20_000;
const healingMs = 15_000;
const restMs = 5_000;
const askEveryMs = 500;

export interface RunResult {
  readonly seed: number;
  readonly violation: Violation | undefined;
  readonly traceHash: string;
  readonly events: number;
  readonly admissions: number;
  readonly denials: number;
  /** Minutes in which calls were admitted, without the last. */
  readonly closedWindows: number;
  readonly counts: ReadonlyMap<string, number>;
}

export interface RunOptions {
  readonly seed: number;
  readonly plant?: Plant | undefined;
  readonly onTrace?: ((line: string) => void) | undefined;
}

export async function runSeed(options: RunOptions): Promise<RunResult> {
  const { seed, plant } = options;
  const world = new World(seed);
  world.onTrace = options.onTrace;
  const undo = plant?.plant(world);
  try {
    const cluster = new Cluster(world, drawSwarm(world.random), {
      configOf: (quotas) => simConfig(plant?.misread?.(quotas) ?? quotas),
      // Several checkers may see one bug: that the one meant for it does is what a plant is for.
      only: plant?.invariant,
    });
    await live(cluster);
    const { violation, ledger } = cluster;
    return {
      ...{ seed, violation, traceHash: world.traceHash, events: world.events },
      ...{ admissions: ledger.admissions, denials: ledger.denials, counts: world.counts },
      closedWindows: closedWindows(cluster),
    };
  } finally {
    undo?.();
  }
}

async function live(cluster: Cluster): Promise<void> {
  const { world, gateways, swarm } = cluster;
  cluster.startHub();
  for (const gateway of gateways) cluster.startGateway(gateway);
  await world.run(1_000);
  for (let i = 0; i < swarm.keys; i++) {
    const plan = (["big", "strict", "guarded", "small", "metered"] as const)[i % 5] as PlanName;
    // One that is replaced meanwhile makes none.
    cluster.admin.create(plan).catch(() => undefined);
    await world.run(world.nowMs + 50);
  }
  const faults = new Faults(cluster);
  faults.start();
  const stop = arrive(cluster);
  while (!isEnough(cluster) && cluster.violation === undefined) {
    await world.run(world.nowMs + askEveryMs);
    cluster.look();
    cluster.ask(oneOf(cluster, gateways), someCaller(cluster));
  }
  stop();
  faults.heal();
  await world.run(world.nowMs + healingMs);
  const last = gateways.flatMap((gateway) => cluster.call(gateway, anonymous(cluster)) ?? []);
  await rest(cluster, last);
}

function isEnough(cluster: Cluster): boolean {
  const { world, ledger } = cluster;
  if (world.nowMs < faultyMsMin) return false;
  const { events, admissions, closedWindows: windows } = busyEnough;
  const isBusy = world.events >= events && ledger.admissions >= admissions;
  return world.nowMs >= faultyMsMax || (isBusy && closedWindows(cluster) >= windows);
}

function closedWindows({ ledger }: Cluster): number {
  return Math.max(0, ledger.minutes.size - 1);
}

async function rest(cluster: Cluster, last: readonly CallRecord[]): Promise<void> {
  const { world, hub, gateways, ledger, lost, admin } = cluster;
  await world.run(world.nowMs + restMs);
  while (world.events < eventsMin) await world.run(world.nowMs + askEveryMs);
  if (cluster.violation !== undefined) return;
  if (last.length < gateways.length) cluster.report("L3", "a gateway did not come up");
  cluster.checkGuards();
  let isDone = false;
  const checked = checkAtRest(
    {
      ...{ hub, gateways, ledger, lost, last },
      ...{ hasForgotten: cluster.hasForgotten, lives: cluster.lives, keys: admin.made },
    },
    cluster.report,
  ).finally(() => {
    isDone = true;
  });
  for (let i = 0; i < 100 && !isDone; i++) await world.run(world.nowMs + 100);
  if (isDone) await checked;
  else cluster.report("L3", "the hub does not answer at rest");
}

/** Calls come one after another: busy for some seconds, then idle for some. */
function arrive(cluster: Cluster): () => void {
  const { world, swarm } = cluster;
  let isBusy = false;
  let changesAtMs = 0;
  let isStopped = false;
  const next = (): void => {
    if (isStopped) return;
    if (world.nowMs >= changesAtMs) {
      isBusy = !isBusy;
      changesAtMs = world.nowMs + world.between(2_000, isBusy ? 20_000 : 10_000);
    }
    const perSecond = isBusy ? swarm.busyShare * neededPerSecond(cluster) : swarm.idlePerSecond;
    world.schedule((-1000 * Math.log(1 - world.random.next())) / perSecond, undefined, () => {
      // Clients are led away from a region that does not answer, most of the time.
      const up = cluster.gateways.filter((gateway) => gateway.answers);
      const isLed = up.length > 0 && !world.chance(0.02);
      cluster.call(oneOf(cluster, isLed ? up : cluster.gateways), patientCaller(cluster));
      next();
    });
  };
  next();
  return () => {
    isStopped = true;
  };
}

/** Arrivals a second for enough to be admitted by the end, as it went so far; some more, since faults refuse some. */
function neededPerSecond({ world, ledger }: Cluster): number {
  const { admissions, denials } = ledger;
  const seconds = Math.max(10, (faultyMsMin - 8_000 - world.nowMs) / 1_000);
  const share = Math.max(0.3, (admissions + 20) / (admissions + denials + 20));
  const missing = Math.max(0, busyEnough.admissions - admissions);
  return Math.min(200, (missing > 0 ? 30 : 2) + missing / seconds / share);
}

function oneOf(cluster: Cluster, gateways: readonly SimGateway[]): SimGateway {
  return gateways[cluster.world.random.below(gateways.length)] as SimGateway;
}

/** Most clients that were refused wait before they come again, and most whose key was revoked stay away. */
function patientCaller(cluster: Cluster): Caller {
  const staysAway = (caller: Caller): boolean =>
    cluster.isWaiting(caller) || (caller.key?.isRevoked === true && !cluster.world.chance(0.2));
  let caller = someCaller(cluster);
  for (let i = 0; i < 4 && staysAway(caller); i++) caller = someCaller(cluster);
  return caller;
}

/** The first keys are called the most; some callers have none, and a few one that nobody made. */
function someCaller(cluster: Cluster): Caller {
  const { world, admin } = cluster;
  const { keys } = admin;
  const { random } = world;
  const kind = random.next();
  if (kind < 0.02) {
    return { secret: "sim_live_unknown", key: undefined, address: "203.0.113.9" };
  }
  if (kind < 0.12 || keys.length === 0) return anonymous(cluster);
  const key = keys[Math.floor(keys.length * random.next() ** 3)] as AdminKey;
  const secret = key.secrets[random.below(key.secrets.length)];
  return { secret, key, address: "203.0.113.1" };
}

function anonymous({ world }: Cluster): Caller {
  const address = `203.0.113.${100 + world.random.below(4)}`;
  return { secret: undefined, key: undefined, address };
}
