/** Checks of what travels between gateways and hub, and of what gateways say they hold. */

import { crc32 } from "../base/hash.ts";
import { compareVersions, type Position, type Version } from "../base/words.ts";
import type { GatewayMessage, HubMessage } from "../ports/link.ts";
import type { JournalImage } from "./storage/journal.ts";
import type { Report } from "./violation.ts";

export class LinkCheckers {
  readonly #report: Report;
  readonly #views = new Map<string, Version>();
  readonly #batches = new Map<string, number>();
  /** The highest position that a gateway was told of, by epoch. */
  readonly #published = new Map<number, Position>();

  /** Epochs of which the stream has lost records. */
  readonly #cut = new Set<number>();

  constructor(report: Report) {
    this.#report = report;
  }

  message(producer: string, message: GatewayMessage | HubMessage, payload: Uint8Array): void {
    if (message.kind === "batch") {
      this.#batch(`${producer}/${message.incarnation}/${message.seq}`, payload);
    }
  }

  /** A hub starts, of this epoch, from a stream that ends at `last`: nothing behind it may have been published. */
  hubStarts({ epoch, position: last }: Version): void {
    const published = this.#published.get(epoch) ?? 0;
    if (published <= last || this.#cut.has(epoch)) return;
    this.#report("I6", `position ${published} was published, the stream ends at ${last}`);
  }

  /** The stream has lost what was published last. */
  streamLost(epoch: number): void {
    this.#cut.add(epoch);
  }

  /** An older copy of a journal was put back: what it had open is sealed again, with what it had then. */
  putBack(producer: string, journal: JournalImage): void {
    for (const { incarnation, last } of journal.incarnations) {
      this.#batches.delete(`${producer}/${incarnation}/${last + 1}`);
    }
  }

  /** A start of a gateway holds a version; `name` is that start's. */
  view(name: string, version: Version): void {
    const before = this.#views.get(name);
    if (before !== undefined && compareVersions(version, before) < 0) {
      this.#report("I2", `${name} went back from ${text(before)} to ${text(version)}`);
    }
    this.#views.set(name, version);
    const { epoch, position } = version;
    this.#published.set(epoch, Math.max(position, this.#published.get(epoch) ?? 0));
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
