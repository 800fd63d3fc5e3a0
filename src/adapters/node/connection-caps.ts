/** Connections of one client address, at most. */

import type { Socket } from "node:net";

export class ConnectionCaps {
  /** Open connections by group; one entry at least one connection, so never more than there are connections. */
  readonly #open = new Map<string, number>();
  readonly #groupOf: (address: string) => string;

  /** `groupOf`: addresses of one client have one group; "" is not counted. */
  constructor(groupOf: (address: string) => string) {
    this.#groupOf = groupOf;
  }

  /** Counts a connection until it closes. False, and destroyed, if its address has `max` already. */
  admit(socket: Socket, address: string, max: number): boolean {
    const group = this.#groupOf(address);
    if (group === "") return true;
    const count = this.#open.get(group) ?? 0;
    if (count >= max) {
      socket.destroy();
      return false;
    }
    this.#open.set(group, count + 1);
    socket.once("close", () => {
      const left = (this.#open.get(group) ?? 1) - 1;
      if (left === 0) this.#open.delete(group);
      else this.#open.set(group, left);
    });
    return true;
  }
}
