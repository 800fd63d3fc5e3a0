/**
 * T11: the files of journal, usage stream and ledger as a kill or a power loss may leave them at any moment, rebuilt from the system calls of
 * a recorded run. Every image recovers; nothing acknowledged is lost, nothing is invented.
 */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, type TestContext, test } from "node:test";
import { type Check, type Explored, explore } from "./support/crash-images/explore.ts";
import { checkLedger, checkStream } from "./support/crash-images/hub-content.ts";
import { checkJournal } from "./support/crash-images/journal-content.ts";
import { type DiskEvent, record, whyNotRecord } from "./support/crash-images/system-calls.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";
/** Seed 2 has a power loss while a new file is switched to its write-ahead log, which once kept it from being opened. */
const seed = Number(process.env["SEED"] ?? 2);
/** Images of each recording: 5,600 in all in the long form. */
const counts = isLong
  ? { journal: 2_000, stream: 800, ledger: 800 }
  : { journal: 150, stream: 25, ledger: 25 };

const traces = mkdtempSync(join(tmpdir(), "tallygate-trace-"));
const images = mkdtempSync(
  join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "tallygate-image-"),
);
after(() => {
  for (const folder of [traces, images]) rmSync(folder, { recursive: true, force: true });
});

/** What a writer of `support/crash-images/` does to `file`. */
function recording(
  writer: string,
  file: string,
  ...args: readonly (string | number)[]
): Promise<DiskEvent[]> {
  const folder = mkdtempSync(join(traces, "run-"));
  const program = join(import.meta.dirname, "support", "crash-images", writer);
  return record([program, join(folder, file), ...args.map(String)], {
    folder,
    trace: `${folder}.log`,
  });
}

function explored(events: readonly DiskEvent[], count: number, check: Check): Promise<Explored> {
  return explore(events, { folder: join(images, "image"), images: count, seed }, check);
}

function holds(t: TestContext, name: string, found: Explored): void {
  const { images: count, killed, wrong } = found;
  t.diagnostic(
    `figure: ${name}: ${count} images, ${killed} of kills and ${count - killed} of power losses, all recovered`,
  );
  assert.deepEqual(wrong, [], `SEED=${seed}`);
}

/** The same run on a disk that says that it has synced, and has not. */
function onLyingDisk(events: readonly DiskEvent[]): DiskEvent[] {
  const opened = events.findIndex(({ kind }) => kind === "said");
  return events.filter(({ kind }, i) => i < opened || kind !== "sync");
}

describe("crash images", { skip: await whyNotRecord() }, () => {
  for (const durability of ["os", "disk"] as const) {
    test(`a journal with durability ${durability} loses nothing acknowledged`, async (t) => {
      const operations = isLong ? 900 : 250;
      const events = await recording(
        "journal-writer.ts",
        "journal.db",
        durability,
        seed,
        operations,
      );
      const check: Check = (folder, said, crash) => {
        const isStoredEnough = crash === "killed" || durability === "disk";
        return checkJournal(folder, said, { durability, isStoredEnough });
      };
      holds(t, `journal, ${durability}`, await explored(events, counts.journal, check));
    });
  }

  test("a usage stream loses no durable record", async (t) => {
    const events = await recording("stream-writer.ts", "stream.db", seed, isLong ? 300 : 80);
    holds(t, "stream", await explored(events, counts.stream, checkStream));
  });

  test("a ledger is that of one checkpoint, the newest durable one or the one under way", async (t) => {
    const events = await recording("ledger-writer.ts", "ledger.db", isLong ? 100 : 30);
    holds(t, "ledger", await explored(events, counts.ledger, checkLedger));
  });

  test("what is acknowledged before it is on disk would be noticed", async () => {
    const events = await recording("journal-writer.ts", "journal.db", "os", seed, 250);
    const found = await explored(events, 150, (folder, said) =>
      checkJournal(folder, said, { durability: "os", isStoredEnough: true }),
    );
    assert.match(found.wrong.join("\n"), /powerless: \d+ numbers of \d+ acknowledged/);
  });

  test("a disk that lies about its syncs would be noticed, in every file", async () => {
    const journal = await recording("journal-writer.ts", "journal.db", "disk", seed, 250);
    const stream = await recording("stream-writer.ts", "stream.db", seed, 40);
    const ledger = await recording("ledger-writer.ts", "ledger.db", 20);
    const unsynced = await recording("journal-writer.ts", "journal.db", "os", seed, 250);
    const options = { durability: "disk", isStoredEnough: true } as const;
    const sealedOnly = { durability: "os", isStoredEnough: false } as const;
    const checks: readonly [DiskEvent[], Check][] = [
      [journal, (folder, said) => checkJournal(folder, said, options)],
      [unsynced, (folder, said) => checkJournal(folder, said, sealedOnly)],
      [stream, checkStream],
      [ledger, checkLedger],
    ];
    for (const [events, check] of checks) {
      const { wrong } = await explored(onLyingDisk(events), 60, check);
      assert.ok(wrong.length > 0);
    }
  });
});
