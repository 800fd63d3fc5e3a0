import { TallygateError } from "../base/errors.ts";

export type InOrder = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Runs one piece of work after the other, in the order they were given; beyond `waitingMax` of them
 * fails with `too-busy`. Work that fails stops nobody else's.
 */
export function inOrder(waitingMax: number): InOrder {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return async (work) => {
    if (waiting >= waitingMax) {
      throw new TallygateError("too-busy", `${waitingMax} changes wait already; try again shortly`);
    }
    waiting++;
    const next = last.then(work).finally(() => {
      waiting--;
    });
    last = next.catch(() => undefined);
    return next;
  };
}
