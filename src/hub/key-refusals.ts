/**
 * What gateways have told of refused calls, by key: for the people whose keys they are. In memory, bounded, forgotten with the
 * hub's process; no decision hangs on it.
 */

import type { EpochMs } from "../base/words.ts";
import type { RefusalCount } from "../ports/link.ts";
import type { KeyRefusal } from "./hub-api.ts";

/** Keys remembered; beyond it the one refused longest ago goes. */
export const refusedKeysMax = 10_000;
/** Regions, routes and reasons of one key, likewise. */
export const refusalsPerKeyMax = 50;
export const refusalKeptMs = 86_400_000;

type Kept = { -readonly [Field in keyof KeyRefusal]: KeyRefusal[Field] };

export class KeyRefusals {
  /** Both in order of the last refusal. */
  readonly #byKey = new Map<string, Map<string, Kept>>();

  heard(region: string, told: readonly RefusalCount[]): void {
    for (const { key, route, reason, count, lastMs } of told) {
      const kinds = this.#byKey.get(key) ?? new Map<string, Kept>();
      this.#byKey.delete(key);
      this.#byKey.set(key, kinds);
      const name = JSON.stringify([region, route, reason]);
      const kept = kinds.get(name) ?? { key, region, route, reason, count: 0, lastMs };
      kinds.delete(name);
      kinds.set(name, kept);
      kept.count += count;
      kept.lastMs = Math.max(kept.lastMs, lastMs);
      if (kinds.size > refusalsPerKeyMax) dropFirst(kinds);
      if (this.#byKey.size > refusedKeysMax) dropFirst(this.#byKey);
    }
  }

  /** Of these keys, of the last day, the latest first. */
  of(keys: readonly string[], nowMs: EpochMs): readonly KeyRefusal[] {
    const found: KeyRefusal[] = [];
    for (const key of keys) {
      const kinds = this.#byKey.get(key);
      if (kinds === undefined) continue;
      for (const [name, kept] of kinds) {
        if (kept.lastMs <= nowMs - refusalKeptMs) kinds.delete(name);
        else found.push({ ...kept });
      }
      if (kinds.size === 0) this.#byKey.delete(key);
    }
    return found.sort((a, b) => b.lastMs - a.lastMs || (a.reason < b.reason ? -1 : 1));
  }
}

function dropFirst<Name>(map: Map<Name, unknown>): void {
  const [first] = map.keys();
  if (first !== undefined) map.delete(first);
}
