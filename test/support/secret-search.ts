/** Looks for secrets where they must not be: in every byte that processes wrote to disk, printed or sent. */

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";

/** Characters of a secret that are looked for: 95 random bits, so that a part of it is found, too. */
const tellingLength = 16;

/** A larger file is looked at in part only; the tests that make such write no secrets but the ones in smaller files. */
const fileMaxBytes = 256 * 1024 * 1024;

/** What is looked for of a key or token: the beginning of its random part, as it is, in Base64 and in hex. */
function traces(secret: string): readonly Buffer[] {
  const random = secret.replace(/^[A-Za-z0-9]+_(live|test)_/, "").slice(0, tellingLength);
  const text = Buffer.from(random);
  // Of Base64 the places that do not depend on what stands before and behind.
  const inBase64 = [0, 1, 2].map((offset) => {
    const padded = Buffer.concat([Buffer.alloc(offset), text]).toString("base64");
    return Buffer.from(padded.slice(offset === 0 ? 0 : 4, -4));
  });
  return [text, ...inBase64, Buffer.from(text.toString("hex"))];
}

/** Files below `folder` that hold one of the secrets, by path; `except` names files that are there to hold some. */
export function filesWith(
  folder: string,
  secrets: Iterable<string>,
  except: readonly string[] = [],
): string[] {
  const needles = [...secrets].flatMap(traces);
  if (needles.length === 0) return [];
  const found: string[] = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || except.includes(entry.name)) continue;
    const file = join(entry.parentPath, entry.name);
    if (statSync(file).size > fileMaxBytes) continue;
    if (holds(readFileSync(file), needles)) found.push(relative(folder, file));
  }
  return found;
}

/** Whether bytes hold one of the secrets. */
export function holdsSecret(bytes: Buffer | string, secrets: Iterable<string>): boolean {
  return holds(Buffer.from(bytes), [...secrets].flatMap(traces));
}

function holds(bytes: Buffer, needles: readonly Buffer[]): boolean {
  return needles.some((needle) => bytes.includes(needle));
}

/** Fails if what processes left in their folder or printed holds a key that was issued to a test. */
export function refuseSecrets(folder: string, output: string, keys: ReadonlySet<string>): void {
  const places = filesWith(folder, keys);
  if (holdsSecret(output, keys)) places.push("the output");
  if (places.length > 0) throw new Error(`a key's secret is in ${places.join(", ")}`);
}
