/**
 * A simulated disk: operations take effect in order, one after another, each some time after it was asked for. A crash
 * comes between any two of them: of those that wait, a random prefix has taken effect, and nobody was told.
 */

import { type ErrorCode, TallygateError } from "../../base/errors.ts";
import type { Owner, World } from "../world.ts";

/** Between attempts of an operation that is tried again. */
const retryMs = 100;

interface Operation {
  readonly apply: () => void;
  readonly fail: ((error: Error) => void) | undefined;
  readonly done: () => void;
  readonly onFailing: (() => void) | undefined;
}

/** A disk as one process has it: for nothing once another has mounted it. */
export interface MountedDisk {
  readonly isMounted: boolean;
  /** Resolves when `apply` has taken effect; rejects if the disk fails. */
  write<T>(apply: () => T): Promise<T>;
}

export class Disk {
  /** While true every operation fails: full, or broken. */
  isFailing = false;
  /** Longest time that one operation takes. */
  latencyMaxMs = 1;
  /** Called once, when an operation has been asked for and has not taken effect. */
  beforeNext: (() => void) | undefined;
  readonly #world: World;
  readonly #code: ErrorCode;
  readonly #waiting: Operation[] = [];
  #owner: Owner | undefined;
  #thread: Owner | undefined;
  #isBusy = false;

  constructor(world: World, code: ErrorCode) {
    this.#world = world;
    this.#code = code;
  }

  /**
   * The process that uses the disk from now on, and its thread that does: what the first is told may come late. If another one has it
   * still, of what waits a random prefix takes effect, and the rest fails.
   */
  mount(owner: Owner, thread = owner): MountedDisk {
    const before = this.#owner;
    const kept = this.#world.random.below(this.#waiting.length + 1);
    for (const [i, { apply, fail }] of this.#waiting.splice(0).entries()) {
      if (i < kept) apply();
      // Whether it took effect or not, it is not told so.
      this.#tell(before, () => fail?.(this.#taken()));
    }
    this.#owner = owner;
    this.#thread = thread;
    this.#isBusy = false;
    const isMounted = (): boolean => this.#owner === owner;
    return {
      get isMounted() {
        return isMounted();
      },
      write: (apply) => {
        // Killed: its promises may go on for a step, to no effect.
        if (owner.isDead) return new Promise(() => {});
        return isMounted() ? this.write(apply) : Promise.reject(this.#taken());
      },
    };
  }

  /** Resolves when `apply` has taken effect; rejects if the disk fails. */
  write<T>(apply: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let result: T;
      this.#add({
        apply: () => {
          result = apply();
        },
        fail: reject,
        done: () => resolve(result),
        onFailing: undefined,
      });
    });
  }

  /** As `write`, but tried again for as long as the disk fails; `onFailing` is told of each failure. */
  writeUntilDone(apply: () => void, done: () => void, onFailing: () => void): void {
    this.#add({ apply, fail: undefined, done, onFailing });
  }

  /** Nothing fails or interrupts any more. */
  heal(): void {
    this.isFailing = false;
    this.beforeNext = undefined;
  }

  /** The process is gone. */
  crash(): void {
    this.beforeNext = undefined;
    const kept = this.isFailing ? 0 : this.#world.random.below(this.#waiting.length + 1);
    if (this.#waiting.length > 0) {
      this.#world.count(kept > 0 ? "fault: crash after a write" : "fault: unsynced writes lost");
    }
    for (const operation of this.#waiting.slice(0, kept)) operation.apply();
    this.#waiting.length = 0;
    this.#owner = undefined;
    this.#thread = undefined;
    this.#isBusy = false;
  }

  #add(operation: Operation): void {
    const owner = this.#owner;
    // A process that was killed: its promises may go on for a step, to no effect.
    if (owner === undefined || owner.isDead) return;
    this.#waiting.push(operation);
    this.#start();
  }

  #start(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    const owner = this.#owner;
    const thread = this.#thread;
    const attempt = (): void => {
      if (this.#owner !== owner) return;
      const operation = this.#waiting[0];
      if (operation === undefined) {
        this.#isBusy = false;
        return;
      }
      const interrupt = this.beforeNext;
      if (interrupt !== undefined) {
        this.beforeNext = undefined;
        interrupt();
        // The process is gone, and what waited with it.
        if (this.#owner !== owner) return;
      }
      if (this.isFailing) {
        this.#world.count("fault: write failed");
        if (operation.fail === undefined) {
          this.#tell(owner, () => operation.onFailing?.());
          this.#world.schedule(retryMs, thread, attempt);
          return;
        }
        this.#waiting.shift();
        const failure = new TallygateError(this.#code, "the simulated disk is full");
        this.#tell(owner, () => operation.fail?.(failure));
      } else {
        this.#waiting.shift();
        operation.apply();
        this.#tell(owner, operation.done);
      }
      if (this.#waiting.length === 0) this.#isBusy = false;
      else this.#world.schedule(this.#latency(), thread, attempt);
    };
    this.#world.schedule(this.#latency(), thread, attempt);
  }

  /** At once, or when its thread goes on. */
  #tell(owner: Owner | undefined, run: () => void): void {
    if ((owner?.pausedUntilMs ?? 0) <= this.#world.nowMs) run();
    else this.#world.schedule(0, owner, run);
  }

  #taken(): TallygateError {
    return new TallygateError(this.#code, "another machine has the disk");
  }

  #latency(): number {
    return this.#world.between(0.05, this.latencyMaxMs);
  }
}
