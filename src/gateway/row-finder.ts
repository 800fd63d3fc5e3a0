/**
 * Finds the row of the open batch that a call belongs to: same hour, route, plan, key, address, referer,
 * and the same counters (which differ when a window rolled over, or by a header's value).
 *
 * Open addressing over small integers and typed columns; a hit allocates nothing.
 */

import { present } from "../base/assert.ts";
import type { EpochMs, WindowId } from "../base/words.ts";
import type { ChargedCounter, RowDefinition } from "../metering/usage.ts";

/** Who called, as far as the meter cares. Texts are asked for only when a row is new. */
export interface MeteredCaller {
  /** The key's place in the key table; -1: anonymous. */
  readonly keySlot: number;
  /** The address as counted (masked): four words. */
  readonly address: ArrayLike<number>;
  /** Host of the referring site; "" if none. */
  readonly referer: string;
  keyId(): string;
  owner(): string;
  addressText(): string;
  /** `header:x-team=red`; by dimension index. */
  subjectText(dimension: number): string;
  /** `overflow:ip`; by dimension index. */
  overflowText(dimension: number): string;
}

/** The counters that a decision charged. Reused between calls. */
export interface ChargedCounters {
  readonly count: number;
  readonly lo: ArrayLike<number>;
  readonly hi: ArrayLike<number>;
  readonly dimension: ArrayLike<number>;
  readonly windowIds: readonly WindowId[];
  /** Bit i: counter i is the one that subjects without room share. */
  readonly shared: number;
}

/** One admitted call; a reused object. */
export interface ChargedCall {
  readonly route: { readonly index: number; readonly path: string };
  readonly plan: { readonly index: number; readonly name: string };
  readonly caller: MeteredCaller;
  readonly counters: ChargedCounters;
  readonly cost: number;
  readonly nowMs: EpochMs;
}

interface FoundRow {
  readonly hash: number;
  readonly keySlot: number;
  readonly a0: number;
  readonly a1: number;
  readonly a2: number;
  readonly a3: number;
  readonly definition: RowDefinition;
}

const slotsMin = 256;

export class RowFinder {
  /** By row index; undefined for a refund's row, which is not looked for here. */
  #rows: (FoundRow | undefined)[] = [];
  /** Row index + 1; 0: empty. */
  #slots = new Int32Array(slotsMin);

  clear(): void {
    this.#rows = [];
    if (this.#slots.length > slotsMin) this.#slots = new Int32Array(slotsMin);
    else this.#slots.fill(0);
  }

  /** The row's index, or -1. */
  find(call: ChargedCall, hour: EpochMs): number {
    const hash = hashOf(call);
    const mask = this.#slots.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const row = (this.#slots[at] as number) - 1;
      if (row < 0) return -1;
      const found = this.#rows[row] as FoundRow;
      if (found.hash === hash && isSame(found, call, hour)) return row;
    }
  }

  definition(row: number): RowDefinition {
    return present(this.#rows[row], "row of the open batch").definition;
  }

  /** The texts of a call's row. */
  define(call: ChargedCall, hour: EpochMs): RowDefinition {
    const { caller, counters } = call;
    const charged: ChargedCounter[] = [];
    for (let i = 0; i < counters.count; i++) {
      const dimension = counters.dimension[i] as number;
      const isShared = (counters.shared & (1 << i)) !== 0;
      charged.push({
        window: counters.windowIds[i] as WindowId,
        subject: isShared ? caller.overflowText(dimension) : caller.subjectText(dimension),
        lo: counters.lo[i] as number,
        hi: counters.hi[i] as number,
      });
    }
    return {
      hour,
      route: call.route.path,
      plan: call.plan.name,
      owner: caller.owner(),
      key: caller.keyId(),
      address: caller.addressText(),
      referer: caller.referer,
      counters: charged,
    };
  }

  /** Notes the row, whose index is the next one. */
  add(call: ChargedCall, made: { row: number; definition: RowDefinition }): void {
    const { address, keySlot } = call.caller;
    const hash = hashOf(call);
    this.#rows[made.row] = {
      hash,
      keySlot,
      a0: address[0] as number,
      a1: address[1] as number,
      a2: address[2] as number,
      a3: address[3] as number,
      definition: made.definition,
    };
    if (this.#rows.length * 2 > this.#slots.length) this.#grow();
    else this.#insert(hash, made.row);
  }

  /** Notes that the next index is a row which `find` does not know. */
  skip(): void {
    this.#rows.push(undefined);
  }

  #insert(hash: number, row: number): void {
    const mask = this.#slots.length - 1;
    let at = hash & mask;
    while (this.#slots[at] !== 0) at = (at + 1) & mask;
    this.#slots[at] = row + 1;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 4);
    for (const [row, found] of this.#rows.entries()) {
      if (found !== undefined) this.#insert(found.hash, row);
    }
  }
}

function hashOf(call: ChargedCall): number {
  const { address, keySlot } = call.caller;
  const { counters } = call;
  let hash = Math.imul(call.route.index + 1, 0x9e3779b1) ^ Math.imul(keySlot + 2, 0x85ebca6b);
  hash = Math.imul(hash ^ ((address[3] as number) ^ (address[1] as number)), 0xc2b2ae35);
  for (let i = 0; i < counters.count; i++)
    hash = Math.imul(hash ^ (counters.lo[i] as number), 0x27d4eb2f);
  return hash ^ (hash >>> 15);
}

function isSame(row: FoundRow, call: ChargedCall, hour: EpochMs): boolean {
  const { caller, counters } = call;
  const { address } = caller;
  const { definition } = row;
  if (
    // By name: places change with the configuration, and the open batch outlives it.
    definition.route !== call.route.path ||
    definition.plan !== call.plan.name ||
    row.keySlot !== caller.keySlot ||
    row.a0 !== address[0] ||
    row.a1 !== address[1] ||
    row.a2 !== address[2] ||
    row.a3 !== address[3] ||
    definition.hour !== hour ||
    definition.referer !== caller.referer ||
    definition.counters.length !== counters.count
  ) {
    return false;
  }
  for (let i = 0; i < counters.count; i++) {
    const charged = definition.counters[i] as ChargedCounter;
    if (
      charged.lo !== counters.lo[i] ||
      charged.hi !== counters.hi[i] ||
      charged.window !== counters.windowIds[i]
    ) {
      return false;
    }
  }
  return true;
}
