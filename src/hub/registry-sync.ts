/**
 * The registry's side of one session: what the gateway must give back first, then what it lacks, in bounded
 * slices, then every change as it is stored.
 */

import type { Timer, Timers } from "../ports/clock.ts";
import type { HubEnd } from "../ports/link.ts";
import type { RegistryRow } from "../ports/registry-store.ts";
import type { Registry } from "./registry.ts";
import { packRows, unpackRecords } from "./registry-records.ts";

/** Records of one message: 120 to 16,000 bytes each, so 0.25 MB as a rule. */
const sliceRecords = 2_048;

/** Bytes of one message's records, at most; a slice of unusually large ones is halved until it fits. */
const sliceBytesMax = 2 * 1024 * 1024;

/** Bytes on their way above which catching up waits. */
const bufferedMax = 4 * 1024 * 1024;
const waitMs = 5;

/** Bytes that the gateway has not acknowledged as saved, above which catching up waits: it keeps them in memory. */
export const unsavedBytesMax = 4 * 1024 * 1024;

export class RegistrySync {
  readonly #end: HubEnd;
  readonly #registry: Registry;
  readonly #timers: Timers;
  /** Everything up to this version was sent. */
  #sent: number;
  /** `returning`: the gateway's entries come first, so that nothing it has is lost behind newer versions. */
  #phase: "returning" | "catching-up" | "live" | "closed";
  #timer: Timer | undefined;
  /** Messages not acknowledged, in order, and their bytes together. */
  #unsaved: { readonly version: number; readonly bytes: number }[] = [];
  #unsavedBytes = 0;

  constructor(end: HubEnd, hub: { registry: Registry; timers: Timers }, saved: number) {
    this.#end = end;
    this.#registry = hub.registry;
    this.#timers = hub.timers;
    const after = hub.registry.wantedFrom(saved);
    // Versions that this registry never gave say nothing of what the gateway holds: it gets all after its backup's.
    this.#sent = after ?? Math.min(saved, hub.registry.version);
    if (after === undefined) {
      this.#phase = "catching-up";
      this.#step();
    } else {
      this.#phase = "returning";
      end.send({ kind: "registry-wanted", after });
    }
  }

  /** A message of what the gateway gives back. False: it was not asked, or the records are malformed. */
  async onReturn(payload: Uint8Array, last: boolean): Promise<boolean> {
    const records = this.#phase === "returning" ? unpackRecords(payload) : undefined;
    if (records === undefined) return false;
    if (records.length > 0) await this.#registry.takeReturned(records);
    if (last && this.#phase === "returning") {
      this.#phase = "catching-up";
      this.#step();
    }
    return true;
  }

  /** The gateway has saved everything up to `version`. */
  onAck(version: number): void {
    const saved = this.#unsaved.findIndex((message) => message.version > version);
    const gone = this.#unsaved.splice(0, saved === -1 ? this.#unsaved.length : saved);
    for (const { bytes } of gone) this.#unsavedBytes -= bytes;
  }

  /** Rows just stored, in order. */
  onChanged(rows: readonly RegistryRow[]): void {
    if (this.#phase !== "live") return;
    if (this.#mustWait) {
      this.#phase = "catching-up";
      this.#step();
    } else this.#send(rows);
  }

  close(): void {
    this.#phase = "closed";
    this.#timer?.cancel();
  }

  get #mustWait(): boolean {
    return this.#end.bufferedBytes > bufferedMax || this.#unsavedBytes > unsavedBytesMax;
  }

  #step(): void {
    if (this.#phase !== "catching-up") return;
    const later = (ms: number): void => {
      this.#timer = this.#timers.after(ms, () => this.#step());
    };
    if (this.#mustWait) return later(waitMs);
    const rows = this.#registry.after(this.#sent, sliceRecords);
    if (rows.length < sliceRecords) {
      this.#phase = "live";
      this.#send(rows);
    } else {
      this.#send(rows);
      later(0);
    }
  }

  /** Sends rows, in one message or in several; the last says whether the gateway has caught up. */
  #send(rows: readonly RegistryRow[]): void {
    const packed = packRows(rows);
    if (packed.length > sliceBytesMax && rows.length > 1) {
      const half = rows.length >> 1;
      const { version } = rows[half - 1] as RegistryRow;
      this.#sendPacked({ version, last: false }, packRows(rows.slice(0, half)));
      return this.#send(rows.slice(half));
    }
    const isLast = this.#phase === "live";
    const version = isLast ? this.#registry.version : (rows.at(-1)?.version ?? this.#sent);
    this.#sent = version;
    this.#sendPacked({ version, last: isLast }, packed);
  }

  #sendPacked(message: { version: number; last: boolean }, packed: Uint8Array): void {
    this.#unsaved.push({ version: message.version, bytes: packed.length });
    this.#unsavedBytes += packed.length;
    this.#end.send({ kind: "registry", ...message }, packed);
  }
}
