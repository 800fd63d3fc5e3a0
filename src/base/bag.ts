/**
 * A collection without order whose members come and go with every call: nothing is allocated by that.
 *
 * Not a `Set`: V8 gives one a new table every few changes, and each old table refers to the next. Once a collection has found one
 * alive and moved it among what is old, all tables after it, and all that was ever in them, look alive to every quick collection.
 * Calls then pile up until a full one, which takes tens of milliseconds.
 */

import { assert } from "./assert.ts";

export interface BagMember {
  /** Its place; -1: in none. The bag's own. */
  bagIndex: number;
}

export class Bag<T extends BagMember> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  /** It must be in no bag. */
  add(member: T): void {
    assert(member.bagIndex === -1, "in a bag already");
    member.bagIndex = this.#members.length;
    this.#members.push(member);
  }

  /** Nothing happens if it is in none. */
  delete(member: T): void {
    const { bagIndex } = member;
    if (bagIndex === -1) return;
    const last = this.#members.pop() as T;
    if (last !== member) {
      this.#members[bagIndex] = last;
      last.bagIndex = bagIndex;
    }
    member.bagIndex = -1;
  }

  /** Visits all that are in it now; `visit` may take out any, itself included, and add others, which are not visited. */
  each(visit: (member: T) => void): void {
    for (let at = this.#members.length - 1; at >= 0; at--) {
      const member = this.#members[at];
      if (member !== undefined) visit(member);
    }
  }
}
