/** What a planted bug is: a wrong function put in the place of a right one, from outside, for one run. */

import type { Quotas } from "../config.ts";
import type { World } from "../world.ts";

export interface Plant {
  readonly name: string;
  /** Whose checker must find it. */
  readonly invariant: string;
  /** Plants it; returns how to take it out again. */
  readonly plant: (world: World) => () => void;
  /** What the gateways read instead of the quotas, if the bug is there. */
  readonly misread?: (quotas: Quotas) => Quotas;
}

/** Puts `make(original)` in the place of a method. */
export function replaceMethod<T extends object, K extends keyof T>(
  target: T,
  name: K,
  make: (original: T[K]) => T[K],
): () => void {
  const original = target[name];
  target[name] = make(original);
  return () => {
    target[name] = original;
  };
}
