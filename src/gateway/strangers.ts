/**
 * What is remembered of addresses that call without a valid key: how often one of them presented a wrong key or was refused
 * for its quota in this minute, and which are blocked for a while. All of it in fixed memory, of this process only, and by
 * the address as it is counted.
 *
 * A call with a valid key is never touched by any of this. Nothing is evicted: where the table of blocked addresses is full, no further
 * one is blocked, and its calls go on being 429.
 */

import type { ClientsConfig } from "../access/compiled-config.ts";
import type { EpochMs, Fingerprint } from "../base/words.ts";
import { MinuteSketch, secondsToNextMinute } from "../limits/minute-sketch.ts";
import type { Log } from "../ports/log.ts";
import type { CounterChild, Metrics } from "../ports/metrics.ts";

/** Cells in a row of the sketches: 512 KB and 2 MB. A blocked address should be the right one, so its sketch is finer. */
const wrongKeyCells = 65_536;
const refusalCells = 262_144;

/** Blocked addresses, at most: some 6 MB. */
export const blockedAddressesMax = 100_000;

/**
 * Unknown keys a second that are looked up for addresses with too many wrong ones: the neighbour of an offender can have a right one that
 * this process has not seen. Costs 2 ms of a second.
 */
export const lookUpsPerSecond = 1_000;

/** Between lines in the log about blocked addresses, ms. */
const blockLogMs = 1_000;

/** How a refusal of a stranger counts in the metrics. */
type Reason = "denied" | "blocked" | "wrong-keys";

type Rules = Pick<ClientsConfig, "wrongKeysPerMinute" | "block">;

export class Strangers {
  readonly #log: Log;
  readonly #refusals: Readonly<Record<Reason, CounterChild>>;
  readonly #wrongKeys = new MinuteSketch(wrongKeyCells);
  #limited: MinuteSketch | undefined;
  /** When each block ends; in the order of their ends. */
  readonly #blocked = new Map<number, EpochMs>();
  #rules: Rules;
  #second = 0;
  #lookUps = 0;
  #loggedMs = 0;
  #unlogged = 0;

  constructor(
    { metrics, log, region }: { metrics: Metrics; log: Log; region: string },
    rules: Rules,
  ) {
    this.#log = log;
    const family = metrics.counter({
      name: "tallygate_stranger_refusals_total",
      help: "Calls without a valid key that were refused for their address: denied by a list (403), blocked for a while (403), too many wrong keys (429).",
      labels: ["region", "reason"],
    });
    const child = (reason: Reason): CounterChild => family.child(region, reason);
    this.#refusals = {
      denied: child("denied"),
      blocked: child("blocked"),
      "wrong-keys": child("wrong-keys"),
    };
    const blocked = metrics
      .gauge({
        name: "tallygate_blocked_addresses",
        help: "Addresses that are blocked for a while (clients.block).",
        labels: ["region"],
      })
      .child(region);
    metrics.onCollect(() => blocked.set(this.#blocked.size));
    this.#rules = rules;
  }

  /** For calls from now on. Without `block` those that are blocked are free. */
  configure(rules: Rules): void {
    this.#rules = rules;
    if (rules.block !== undefined) return;
    this.#limited = undefined;
    this.#blocked.clear();
  }

  refused(reason: Reason): void {
    this.#refusals[reason].add(1);
  }

  /** Whether an unknown key of the address is worth a look: always while its wrong keys are few, and now and then after. */
  mayLookUp(address: Fingerprint, nowMs: EpochMs): boolean {
    const { lo, hi } = address;
    if (this.#wrongKeys.count(lo, hi, nowMs) < this.#rules.wrongKeysPerMinute) return true;
    const second = Math.floor(nowMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#lookUps = 0;
    }
    return this.#lookUps++ < lookUpsPerSecond;
  }

  /** Notes a wrong key. Whole seconds until the address may try another one; 0: now. */
  wrongKey(address: Fingerprint, nowMs: EpochMs): number {
    const { lo, hi } = address;
    if (this.#wrongKeys.add(lo, hi, nowMs) <= this.#rules.wrongKeysPerMinute) return 0;
    this.refused("wrong-keys");
    return secondsToNextMinute(nowMs);
  }

  /** False as long as nobody is blocked: then no address need be looked for. */
  get blocksAny(): boolean {
    return this.#blocked.size > 0;
  }

  /** Whether refusals for quota are to be told. */
  get countsRefusals(): boolean {
    return this.#rules.block !== undefined;
  }

  /** Whole seconds for which the address is blocked yet; 0: it is not. */
  blockedSeconds(address: Fingerprint, nowMs: EpochMs): number {
    const key = blockKey(address);
    const untilMs = this.#blocked.get(key);
    if (untilMs === undefined) return 0;
    if (untilMs > nowMs) {
      this.refused("blocked");
      return Math.ceil((untilMs - nowMs) / 1_000);
    }
    this.#blocked.delete(key);
    return 0;
  }

  /** Notes a 429 for quota. `name`: what of the address may stand in a log. */
  limited(address: Fingerprint, nowMs: EpochMs, name: () => string): void {
    const { block } = this.#rules;
    if (block === undefined) return;
    this.#limited ??= new MinuteSketch(refusalCells);
    if (this.#limited.add(address.lo, address.hi, nowMs) < block.after) return;
    this.#forgetEnded(nowMs);
    const key = blockKey(address);
    if (this.#blocked.has(key) || this.#blocked.size >= blockedAddressesMax) return;
    this.#blocked.set(key, nowMs + block.forMs);
    this.#unlogged++;
    if (nowMs - this.#loggedMs < blockLogMs) return;
    this.#log.warn("an address is blocked for a while", {
      address: name(),
      forSeconds: block.forMs / 1_000,
      blockedSinceLastLine: this.#unlogged,
    });
    this.#loggedMs = nowMs;
    this.#unlogged = 0;
  }

  /** Amortised: each is visited once. Where `for` was shortened meanwhile, ends are out of order for a while, which only delays this. */
  #forgetEnded(nowMs: EpochMs): void {
    for (const [key, untilMs] of this.#blocked) {
      if (untilMs > nowMs) return;
      this.#blocked.delete(key);
    }
  }
}

/** 53 bits of a fingerprint: a hundred thousand of them meet by chance once in two million times. */
function blockKey({ lo, hi }: Fingerprint): number {
  return (hi & 0x1f_ffff) * 0x1_0000_0000 + (lo >>> 0);
}
