/**
 * A disk as a machine may find it again: what was synced is there; of what was not, each write is missing, whole, or there in some
 * of its sectors, and names made, changed or removed since their folder was synced are so up to some moment.
 */

import { basename } from "node:path";
import type { SeededRandom } from "../../../src/base/random.ts";
import type { DiskEvent } from "./system-calls.ts";

/** What a disk writes whole or not at all. */
const sectorBytes = 512;

type Change =
  | { readonly kind: "write"; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly length: number };

interface FileState {
  synced: Buffer;
  current: Buffer;
  /** Since the last sync, in order. */
  pending: Change[];
}

type NameChange = { readonly name: string; readonly file: FileState | undefined };

/** Content by name. */
export type Image = ReadonlyMap<string, Buffer>;

export class RecordedDisk {
  readonly #current = new Map<string, FileState>();
  readonly #durable = new Map<string, FileState>();
  #pendingNames: NameChange[] = [];

  /** `said` changes nothing. */
  apply(event: DiskEvent): void {
    if (event.kind === "said") return;
    const name = basename(event.path);
    switch (event.kind) {
      case "create":
        if (!this.#current.has(name)) this.#name(name, emptyFile());
        return;
      case "write":
        return change(this.#file(name), { kind: "write", at: event.at, bytes: event.bytes });
      case "truncate":
        return change(this.#file(name), { kind: "truncate", length: event.length });
      case "remove":
        if (this.#current.has(name)) this.#name(name, undefined);
        return;
      case "rename": {
        const file = this.#file(name);
        this.#name(name, undefined);
        return this.#name(basename(event.to), file);
      }
      case "sync":
        return this.#sync(name);
    }
  }

  /** Everything that was written: the program died, the machine did not. */
  killed(): Image {
    return new Map([...this.#current].map(([name, { current }]) => [name, current]));
  }

  /** The power went off. `share` of what was not synced is there; of that `torn` only in part. */
  powerless(random: SeededRandom, { share, torn }: { share: number; torn: number }): Image {
    const names = new Map(this.#durable);
    const kept = random.below(this.#pendingNames.length + 1);
    for (const { name, file } of this.#pendingNames.slice(0, share === 0 ? 0 : kept)) {
      if (file === undefined) names.delete(name);
      else names.set(name, file);
    }
    const image = new Map<string, Buffer>();
    for (const [name, { synced, pending }] of names) {
      let content = synced;
      for (const each of pending) {
        if (random.next() >= share) continue;
        const arrived = random.next() < torn ? cut(each, random) : [each];
        for (const part of arrived) content = applied(content, part);
      }
      image.set(name, content);
    }
    return image;
  }

  get hasPending(): boolean {
    return [...this.#current.values()].some(({ pending }) => pending.length > 0);
  }

  #file(name: string): FileState {
    const file = this.#current.get(name);
    if (file === undefined) throw new Error(`no file ${name}`);
    return file;
  }

  #name(name: string, file: FileState | undefined): void {
    if (file === undefined) this.#current.delete(name);
    else this.#current.set(name, file);
    this.#pendingNames.push({ name, file });
  }

  #sync(name: string): void {
    const file = this.#current.get(name);
    if (file !== undefined) {
      file.synced = file.current;
      file.pending = [];
      return;
    }
    // The folder itself.
    for (const { name: changed, file: target } of this.#pendingNames) {
      if (target === undefined) this.#durable.delete(changed);
      else this.#durable.set(changed, target);
    }
    this.#pendingNames = [];
  }
}

function emptyFile(): FileState {
  return { synced: Buffer.alloc(0), current: Buffer.alloc(0), pending: [] };
}

function change(file: FileState, each: Change): void {
  file.current = applied(file.current, each);
  file.pending.push(each);
}

function applied(content: Buffer, each: Change): Buffer {
  if (each.kind === "truncate") return resized(content, each.length);
  const end = each.at + each.bytes.length;
  const result = resized(content, Math.max(content.length, end));
  each.bytes.copy(result, each.at);
  return result;
}

function resized(content: Buffer, length: number): Buffer {
  const result = Buffer.alloc(length);
  content.copy(result, 0, 0, Math.min(length, content.length));
  return result;
}

/** A write of which only some sectors arrived, those before a cut or any: as the writes that did. */
function cut(each: Change, random: SeededRandom): readonly Change[] {
  if (each.kind === "truncate") return [each];
  const { at, bytes } = each;
  const first = Math.floor(at / sectorBytes);
  const sectors = Math.floor((at + bytes.length - 1) / sectorBytes) - first + 1;
  const isPrefix = random.next() < 0.5;
  const whole = random.below(sectors + 1);
  const arrived: Change[] = [];
  for (let i = 0; i < sectors; i++) {
    if (isPrefix ? i >= whole : random.next() < 0.5) continue;
    const from = Math.max(0, (first + i) * sectorBytes - at);
    const to = Math.min(bytes.length, (first + i + 1) * sectorBytes - at);
    arrived.push({ kind: "write", at: at + from, bytes: bytes.subarray(from, to) });
  }
  return arrived;
}
