import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type SeededRandom, seededRandom } from "../../base/random.ts";
import type { Journal } from "../../ports/journal.ts";
import { openJournal } from "./journal.ts";

const writer = fileURLToPath(new URL("./testing/journal-writer.ts", import.meta.url));
const killsOfRun = 8;
/** Lines of output after which the writer is killed, and the wait after that, are random up to: */
const linesMax = 40;
const waitMsMax = 6;

/** What a killed writer had acknowledged. */
interface Acknowledged {
  incarnation: string;
  /** Everything up to this number. */
  number: number;
}

async function runAndKill(
  file: string,
  durability: string,
  random: SeededRandom,
): Promise<Acknowledged> {
  const child = spawn(process.execPath, [writer, file, durability], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  const lines = 1 + random.below(linesMax);
  let output = "";
  await new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (output.split("\n").length > lines) resolve();
    });
  });
  await sleep(random.below(waitMsMax));
  child.kill("SIGKILL");
  await ended;
  // A line that the kill cut short was not acknowledged.
  const printed = output.slice(0, output.lastIndexOf("\n")).split("\n");
  const numbers = printed.slice(1).map((line) => Number(line.split(" ")[1]));
  return { incarnation: printed[0]?.split(" ")[1] ?? "", number: Math.max(0, ...numbers) };
}

/** Numbers of one incarnation in order of storing: those of its batches, then those left open. */
async function storedNumbers(journal: Journal, incarnation: string): Promise<number[]> {
  const parts: Uint8Array[] = [];
  for (let from = 1; ; ) {
    const { batches, damaged } = await journal.read(incarnation, { from, bytesMax: 1e6 });
    assert.deepEqual(damaged, []);
    const last = batches.at(-1);
    if (last === undefined) break;
    parts.push(...batches.map(({ bytes }) => bytes.subarray(0, -4)));
    from = last.seq + 1;
  }
  if (journal.remains?.incarnation === incarnation) {
    assert.equal(journal.remains.damagedGroups, 0);
    parts.push(...journal.remains.groups);
  }
  const bytes = Buffer.concat(parts);
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32LE(i * 4));
}

for (const durability of ["os", "disk"] as const) {
  test(`${durability}: killed at any moment, nothing acknowledged is lost and nothing is there twice`, async (t) => {
    const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
    t.diagnostic(`SEED=${seed}`);
    const random = seededRandom(seed);
    const folder = await mkdtemp(join(tmpdir(), "tallygate-crash-"));
    const file = join(folder, "journal.db");
    const runs: Acknowledged[] = [];
    for (let kill = 0; kill < killsOfRun; kill++) {
      runs.push(await runAndKill(file, durability, random));
    }
    const journal = await openJournal({ file, durability, sizeMaxBytes: 64 * 1024 * 1024 });
    for (const { incarnation, number } of runs) {
      const numbers = await storedNumbers(journal, incarnation);
      assert.ok(numbers.length >= number, `${numbers.length} stored, ${number} acknowledged`);
      assert.deepEqual(
        numbers,
        Array.from(numbers, (_, i) => i + 1),
      );
    }
    assert.ok(runs.some(({ number }) => number > 0));
    await journal.close();
    await rm(folder, { recursive: true });
  });
}
