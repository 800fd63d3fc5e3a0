/**
 * Which counters of a window changed: fingerprints in order of change, with repeats. Appending is two
 * stores; repeats are taken out when the log is read, or when they are most of it.
 */

/** Entries from which on a log is looked at for repeats. */
const compactMin = 65_536;

const initialCapacity = 16;

export class ChangeLog {
  length = 0;
  #lo = new Uint32Array(initialCapacity);
  #hi = new Uint32Array(initialCapacity);
  /** Length at which the next compaction is due: at least half of what it then holds is new. */
  #compactAt = compactMin;

  append(lo: number, hi: number): void {
    if (this.length === this.#lo.length) this.#makeRoom();
    const at = this.length;
    this.#lo[at] = lo;
    this.#hi[at] = hi;
    this.length = at + 1;
  }

  appendAll(lo: Uint32Array, hi: Uint32Array): void {
    for (let i = 0; i < lo.length; i++) this.append(lo[i] as number, hi[i] as number);
  }

  /** The distinct fingerprints, in order of their first change; the log is empty afterwards. */
  take(): { lo: Uint32Array; hi: Uint32Array } {
    this.#compact();
    const lo = this.#lo.slice(0, this.length);
    const hi = this.#hi.slice(0, this.length);
    this.length = 0;
    this.#compactAt = compactMin;
    // A burst must not keep its memory for as long as the window lives.
    if (this.#lo.length > compactMin) {
      this.#lo = new Uint32Array(initialCapacity);
      this.#hi = new Uint32Array(initialCapacity);
    }
    return { lo, hi };
  }

  #makeRoom(): void {
    if (this.length >= this.#compactAt) {
      this.#compact();
      this.#compactAt = Math.max(compactMin, this.length * 2);
      if (this.length * 2 <= this.#lo.length) return;
    }
    const capacity = this.#lo.length * 2;
    const lo = new Uint32Array(capacity);
    const hi = new Uint32Array(capacity);
    lo.set(this.#lo.subarray(0, this.length));
    hi.set(this.#hi.subarray(0, this.length));
    this.#lo = lo;
    this.#hi = hi;
  }

  /** Moves the distinct entries to the front, by a hash set of their indices. */
  #compact(): void {
    const lo = this.#lo;
    const hi = this.#hi;
    const { length } = this;
    if (length < 2) return;
    const mask = 2 ** Math.ceil(Math.log2(length * 2)) - 1;
    const slots = emptySlots(mask + 1);
    let kept = 0;
    for (let i = 0; i < length; i++) {
      const l = lo[i] as number;
      const h = hi[i] as number;
      // Fingerprints are keyed hashes: any of their bits will do.
      let at = l & mask;
      let index = slots[at] as number;
      while (index !== 0 && (lo[index - 1] !== l || hi[index - 1] !== h)) {
        at = (at + 1) & mask;
        index = slots[at] as number;
      }
      if (index !== 0) continue;
      lo[kept] = l;
      hi[kept] = h;
      kept++;
      slots[at] = kept;
    }
    this.length = kept;
  }
}

/** Slots of the hash set that are kept from one use to the next: 1 MB. */
const sharedSlotsMax = 262_144;
let sharedSlots = new Uint32Array(1_024);

function emptySlots(count: number): Uint32Array {
  if (count > sharedSlotsMax) return new Uint32Array(count);
  if (count > sharedSlots.length) {
    sharedSlots = new Uint32Array(count);
    return sharedSlots;
  }
  return sharedSlots.fill(0, 0, count);
}
