/** Ids of requests: unique among all processes and starts, short, in rising order within one. */

import type { Random } from "../ports/clock.ts";

export class RequestIds {
  readonly #prefix: string;
  #count = 0;

  constructor(random: Pick<Random, "hex">) {
    this.#prefix = `${random.hex(6)}-`;
  }

  next(): string {
    return this.#prefix + (++this.#count).toString(36);
  }
}
