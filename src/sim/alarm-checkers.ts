/** Checks that what cannot be prevented is noticed: a second hub, a stream that lost its end, an older copy of a gateway's disk. */

import type { GatewayMessage, Hello, HubMessage } from "../ports/link.ts";
import type { SimGateway } from "./gateway.ts";
import type { SimHub } from "./hub.ts";
import { batchName } from "./lost-charges.ts";
import type { Report } from "./violation.ts";
import type { World } from "./world.ts";

/** Versions that the hub never gave, or that are of records which it has lost: of this epoch, behind this position. */
interface Foreign {
  readonly epoch: number;
  readonly position: number;
  /** Starts of the hub that there should be: in later ones it may have forgotten. */
  starts: number;
}

interface Expected {
  readonly starts: number;
  readonly warnings: readonly RegExp[];
}

const twoHubs = /two hubs run/;
const olderCopy = /an older copy of its data folder was put back/;

export class AlarmCheckers {
  readonly #world: World;
  readonly #hub: SimHub;
  readonly #report: Report;
  #foreign: Foreign[] = [];
  /** The last start on data from a backup; up to the first welcome after a restore it is not known which one that is. */
  #restoredStart = 0;
  /** A restored hub is being told of an epoch above its own, and is about to leave all below it. */
  #isRising = false;
  /** What is below this may have been said before the restore: nobody can tell. */
  #oldest = 0;
  /** By producer that has said hello and was not welcomed yet. */
  readonly #expected = new Map<string, Expected>();

  constructor(world: World, hub: SimHub, report: Report) {
    this.#world = world;
    this.#hub = hub;
    this.#report = report;
  }

  /** From now on nobody may hear of this without the hub's saying so. */
  foreign(epoch: number, position: number): void {
    // Every later start knows where this one ended.
    this.#foreign.push({ epoch, position, starts: Number.POSITIVE_INFINITY });
  }

  /** After a restore versions that the hub does not know are no news. */
  restored(): void {
    this.#foreign = [];
    this.#restoredStart = Number.POSITIVE_INFINITY;
  }

  /** A message arrives at the hub that there should be, or from it. */
  message(gateway: SimGateway, message: GatewayMessage | HubMessage): void {
    if (message.kind === "hello") this.#hello(gateway, message);
    else if (message.kind === "welcome") this.#welcome(gateway);
  }

  #hello(gateway: SimGateway, hello: Hello): void {
    const { starts, hub } = this.#hub;
    const warnings: RegExp[] = [];
    const { epoch, position } = hello.view;
    const isForeign =
      !this.#isRising &&
      epoch > this.#oldest &&
      this.#foreign.some(
        (each) => each.epoch === epoch && position > each.position && starts <= each.starts,
      );
    if (starts <= this.#restoredStart && epoch > (hub?.api.status().version.epoch ?? 0))
      this.#isRising = true;
    if (isForeign) warnings.push(twoHubs);
    // It takes an epoch above all: to later starts whatever was said below it is old, even if this one dies before it has warned.
    if (isForeign) for (const each of this.#foreign) each.starts = Math.min(each.starts, starts);
    if (gateway.copies > 0 && this.#isBehind(hello)) warnings.push(olderCopy);
    this.#expected.set(gateway.producer, { starts, warnings });
  }

  #welcome(gateway: SimGateway): void {
    const { hub, starts } = this.#hub;
    const expected = this.#expected.get(gateway.producer);
    this.#expected.delete(gateway.producer);
    if (hub === undefined) return;
    this.#restoredStart = Math.min(this.#restoredStart, starts);
    if (this.#isRising) this.#oldest = hub.api.status().version.epoch;
    this.#isRising = false;
    if (expected === undefined || expected.starts !== starts) return;
    if (expected.warnings.length === 0) return;
    const said = hub.api.status().warnings.join("\n");
    for (const warning of expected.warnings) {
      this.#world.count("recovery: warned of what cannot be prevented");
      if (!warning.test(said)) this.#report("I24", `no warning says ${warning.source}`);
    }
  }

  /** The hub has folded batches that come after the last one of the journal. */
  #isBehind({ producer, journal }: Hello): boolean {
    const { hub, model, streamImage } = this.#hub;
    const upTo = hub?.api.status().version.position ?? 0;
    const names = journal.map(([incarnation, , last]) => `${producer}/${incarnation}/${last + 1}`);
    const inStream = names.filter((name) => model.hasBatch(streamImage.records, name));
    if (inStream.length === 0) return false;
    const counted = model.counted(streamImage.all.filter((record) => record.position <= upTo));
    const found = new Set(counted.map(batchName));
    return inStream.some((name) => found.has(name));
  }
}
