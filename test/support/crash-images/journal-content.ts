/** What the recorded journals hold, and whether an image holds what it must. */

import { join } from "node:path";
import { crc32 } from "node:zlib";
import { JournalDatabase } from "../../../src/adapters/sqlite/journal-database.ts";

export const incarnationOfWriter = "00000000000000aa";
const incarnationAfter = "00000000000000bb";

export function numbersGroup(numbers: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(numbers.length * 4);
  for (const [i, number] of numbers.entries()) bytes.writeUInt32LE(number, i * 4);
  return bytes;
}

export function numbersBatch(numbers: readonly number[]): Uint8Array {
  const content = numbersGroup(numbers);
  const crc = Buffer.alloc(4);
  crc.writeUInt32LE(crc32(content));
  return Buffer.concat([content, crc]);
}

function numbersOf(bytes: Uint8Array): number[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: buffer.length / 4 }, (_, i) => buffer.readUInt32LE(i * 4));
}

interface Expected {
  /** Highest number that must be there, and that may be. */
  least: number;
  given: number;
  sealed: number;
  sealing: number;
  /** By lease: the mark that must be there at least, and the highest given. */
  readonly marks: Map<number, { least: number; given: number }>;
  /** Closed for certain, and perhaps. */
  readonly closed: Set<number>;
  readonly closing: Set<number>;
}

/** `isStoredEnough`: what is only stored, not sealed, must survive, too. */
function expected(said: readonly string[], isStoredEnough: boolean): Expected {
  const all: Expected = {
    ...{ least: 0, given: 0, sealed: 0, sealing: 0 },
    ...{ marks: new Map(), closed: new Set(), closing: new Set() },
  };
  for (const line of said) {
    const [what, a, b, list = ""] = line.split(" ");
    const [first, second] = [Number(a), Number(b)];
    const leases = list.split(",").filter(Boolean).map(Number);
    if (what === "giving") all.given = first;
    if (what === "stored" && isStoredEnough) all.least = first;
    if (what === "sealing") {
      all.sealing = first;
      for (const lease of leases) all.closing.add(lease);
    }
    if (what === "sealed") {
      all.sealed = first;
      all.least = Math.max(all.least, second);
      for (const lease of leases) all.closed.add(lease);
    }
    if (what === "marking" || what === "marked") {
      const mark = all.marks.get(first) ?? { least: 0, given: 0 };
      all.marks.set(first, mark);
      mark.given = second;
      if (what === "marked") mark.least = second;
    }
  }
  return all;
}

/** Opens the journal of an image as the next start does; a sentence for whatever is wrong with it. */
export function checkJournal(
  folder: string,
  said: readonly string[],
  options: { readonly durability: "os" | "disk"; readonly isStoredEnough: boolean },
): string | undefined {
  const must = expected(said, options.isStoredEnough);
  const database = new JournalDatabase(join(folder, "journal.db"), {
    durability: options.durability,
    incarnation: incarnationAfter,
  });
  try {
    return wrongNumbers(database, must) ?? wrongLeases(database, must);
  } finally {
    database.close();
  }
}

function wrongNumbers(database: JournalDatabase, must: Expected): string | undefined {
  const row = database.incarnations().get(incarnationOfWriter);
  const read = row === undefined ? undefined : database.read(row, 1, 1e9);
  const { seqs = [], batches = [], damaged = [] } = read ?? {};
  if (damaged.length > 0) return `batches ${damaged.join()} are damaged`;
  if (seqs.some((seq, i) => seq !== i + 1)) return `batches are ${seqs.join()}`;
  if (seqs.length < must.sealed || seqs.length > must.sealing) {
    return `${seqs.length} batches, not ${must.sealed} to ${must.sealing}`;
  }
  const remains = database.remains();
  if ((remains?.damagedGroups ?? 0) > 0) return "open records are damaged";
  const numbers = [
    ...batches.flatMap((bytes) => numbersOf(bytes.subarray(0, -4))),
    ...(remains?.groups ?? []).flatMap(numbersOf),
  ];
  if (numbers.some((number, i) => number !== i + 1)) return "numbers are missing or doubled";
  if (numbers.length < must.least) return `${numbers.length} numbers of ${must.least} acknowledged`;
  if (numbers.length > must.given) return `${numbers.length} numbers of ${must.given} given`;
  return undefined;
}

function wrongLeases(database: JournalDatabase, must: Expected): string | undefined {
  const found = new Map(database.leases().leases.map((lease) => [lease.request, lease]));
  for (const [request, { least, given }] of must.marks) {
    const lease = found.get(request);
    found.delete(request);
    if (must.closed.has(request)) {
      if (lease !== undefined) return `lease ${request} is there, though it was closed`;
      continue;
    }
    if (lease === undefined) {
      if (least > 0 && !must.closing.has(request)) return `lease ${request} is gone`;
      continue;
    }
    const { mark, lo, hi } = lease;
    if (mark < least || mark > given)
      return `mark ${mark} of lease ${request}, not ${least} to ${given}`;
    if (lo !== request || hi !== 7) return `lease ${request} is of another counter`;
  }
  const [invented] = found.keys();
  return invented === undefined ? undefined : `lease ${invented} was invented`;
}
