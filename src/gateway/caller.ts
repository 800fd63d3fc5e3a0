/**
 * Who makes the call, in one object that every call overwrites: nothing keeps it across turns.
 */

import { formatAddress, formatSubjectAddress } from "../access/ip-address.ts";
import type { RestrictedCall } from "../access/key-restrictions.ts";
import type { KeyTable } from "../access/key-table.ts";
import { type CallFacts, emptyCallFacts, type SubjectFiller } from "../access/subjects.ts";
import { emptySubjects, type Subjects } from "../limits/plan.ts";
import type { MeteredCaller } from "./row-finder.ts";

/** An address whose text is made when it is first asked for. */
export class AddressText {
  readonly #words: Uint32Array;
  #text = "";

  /** Copies the words. */
  constructor(words: Uint32Array) {
    this.#words = words.slice();
  }

  get text(): string {
    if (this.#text === "") this.#text = formatAddress(this.#words);
    return this.#text;
  }
}

export class Caller implements MeteredCaller {
  readonly facts: CallFacts = emptyCallFacts();
  readonly subjects: Subjects = emptySubjects();
  /** What a key's restrictions are held against; its address is whole. */
  readonly restricted: { -readonly [K in keyof RestrictedCall]: RestrictedCall[K] } & {
    readonly address: Uint32Array;
  } = { referer: "", address: new Uint32Array(4), route: "" };
  /** The whole address; shared by the calls of a connection where it is the peer's. */
  clientAddress = new AddressText(new Uint32Array(4));
  readonly keys: KeyTable;
  readonly #filler: SubjectFiller;

  constructor(keys: KeyTable, filler: SubjectFiller) {
    this.keys = keys;
    this.#filler = filler;
    filler.fillOverflow(this.subjects);
  }

  get keySlot(): number {
    return this.facts.slot;
  }

  get address(): Uint32Array {
    return this.facts.address;
  }

  get referer(): string {
    return this.facts.referer;
  }

  keyId(): string {
    return this.facts.slot < 0 ? "" : this.keys.keyId(this.facts.slot);
  }

  owner(): string {
    return this.facts.slot < 0 ? "" : this.keys.owner(this.facts.slot);
  }

  addressText(): string {
    return formatSubjectAddress(this.facts.address, this.facts.addressBits);
  }

  subjectText(dimension: number): string {
    return this.#filler.text(dimension, this.facts);
  }

  overflowText(dimension: number): string {
    return this.#filler.overflowText(dimension);
  }
}
