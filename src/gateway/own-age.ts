/** How old the charges are of which this gateway alone knows: one of the two ages of the staleness guard. */

import type { EpochMs } from "../base/words.ts";
import type { Journal } from "../ports/journal.ts";
import type { Meter } from "./meter.ts";
import type { RegionView } from "./region-view.ts";

export interface UncoveredAge {
  /** Node time of the oldest charge that the view does not cover; 0: there is none. */
  readonly oldestChargeAtMs: EpochMs;
  /** Some were charged by an earlier start, whose clock is not known, or were covered before: their stamps say nothing. */
  readonly isAgeUnknown: boolean;
}

interface OwnAgeParts {
  readonly view: Pick<RegionView, "own">;
  readonly meter: Pick<Meter, "incarnation" | "open">;
  readonly journal: Pick<Journal, "ranges">;
}

export class OwnAge {
  readonly #parts: OwnAgeParts;
  /** Asked for by every call of a plan with `staleness`: one object for all. */
  readonly #age = { oldestChargeAtMs: 0, isAgeUnknown: true };
  /** As of the last tick; true until something is known. */
  #hasRecovered = true;
  /** Highest seq of this start that any view has covered. */
  #coveredMax = 0;

  constructor(parts: OwnAgeParts) {
    this.#parts = parts;
  }

  /** The same object each time. */
  look(): UncoveredAge {
    const { view, meter } = this.#parts;
    const { own } = view;
    const covered = own.covered(meter.incarnation);
    this.#coveredMax = Math.max(this.#coveredMax, covered);
    this.#age.oldestChargeAtMs = own.oldestMs() || meter.open.firstChargeAtMs;
    // What a hub has forgotten again may be stamped with a time that was put right since.
    this.#age.isAgeUnknown = this.#hasRecovered || covered < this.#coveredMax;
    return this.#age;
  }

  /** Call it every second or so. */
  tick(): void {
    const { own } = this.#parts.view;
    const { incarnation } = this.#parts.meter;
    this.#hasRecovered = this.#parts.journal
      .ranges()
      .some(
        (range) => range.incarnation !== incarnation && own.covered(range.incarnation) < range.last,
      );
  }
}
