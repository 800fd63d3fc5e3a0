import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type JournalStorage, journalConformance } from "../../conformance/journal.ts";
import { openJournal } from "./journal.ts";

async function storage(durability: "os" | "disk"): Promise<JournalStorage> {
  const folder = await mkdtemp(join(tmpdir(), "tallygate-journal-"));
  const file = join(folder, "journal.db");
  return {
    open: ({ sizeMaxBytes = 64 * 1024 * 1024 } = {}) =>
      openJournal({ file, durability, sizeMaxBytes }),
    dispose: () => rm(folder, { recursive: true }),
  };
}

for (const durability of ["os", "disk"] as const) {
  journalConformance({ name: `sqlite, ${durability}`, create: () => storage(durability) });
}
