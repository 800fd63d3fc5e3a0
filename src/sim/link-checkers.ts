/** Checks of what travels between gateways and hub, and of what gateways say they hold. */

import { crc32 } from "../base/hash.ts";
import { compareVersions, type Position, type Version } from "../base/words.ts";
import type { GatewayMessage, HubMessage } from "../ports/link.ts";
import type { Report } from "./violation.ts";

export class LinkCheckers {
  readonly #report: Report;
  readonly #views = new Map<string, Version>();
  readonly #batches = new Map<string, number>();
  /** The highest position that a gateway was told of. */
  #published: Position = 0;
  #epoch = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  message(producer: string, message: GatewayMessage | HubMessage, payload: Uint8Array): void {
    if (message.kind === "batch") {
      this.#batch(`${producer}/${message.incarnation}/${message.seq}`, payload);
    }
  }

  /** A hub starts from a stream that ends at `last`: nothing behind it may have been published. */
  hubStarts(last: Position): void {
    if (this.#published <= last) return;
    this.#report("I6", `position ${this.#published} was published, the stream ends at ${last}`);
  }

  /** What was published is not asked of a hub that was restored. */
  hubRestored(): void {
    this.#published = 0;
    this.#epoch++;
  }

  /** A start of a gateway holds a version; `name` is that start's. */
  view(name: string, version: Version): void {
    const before = this.#views.get(name);
    if (before !== undefined && compareVersions(version, before) < 0) {
      this.#report("I2", `${name} went back from ${text(before)} to ${text(version)}`);
    }
    this.#views.set(name, version);
    if (version.epoch > this.#epoch) this.#published = 0;
    this.#epoch = Math.max(this.#epoch, version.epoch);
    if (version.epoch === this.#epoch) {
      this.#published = Math.max(this.#published, version.position);
    }
  }

  /** Whatever is sent again is the same. */
  #batch(name: string, payload: Uint8Array): void {
    // Without its own CRC at the end: with it, every batch has the same.
    const sum = crc32(payload.subarray(0, -4));
    const before = this.#batches.get(name);
    if (before !== undefined && before !== sum) {
      this.#report("I4", `batch ${name} was sent with two contents`);
    }
    this.#batches.set(name, sum);
  }
}

function text({ epoch, position }: Version): string {
  return `${epoch}/${position}`;
}
