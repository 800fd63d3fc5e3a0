import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import {
  probeHour,
  type StatusStorage,
  statusStoreConformance,
  storedIncident,
} from "../../conformance/status-store.ts";
import { openStatusStore } from "./status-store.ts";

async function storage(): Promise<StatusStorage & { readonly file: string }> {
  const folder = await mkdtemp(join(tmpdir(), "tallygate-status-"));
  const file = join(folder, "status.db");
  return {
    file,
    open: () => openStatusStore(file),
    dispose: () => rm(folder, { recursive: true }),
  };
}

statusStoreConformance({ name: "sqlite", create: storage });

test("a damaged row is left out, and the others are read", async () => {
  const { file, open, dispose } = await storage();
  const first = await open();
  await first.saveHours([probeHour("sydney", 1), probeHour("sydney", 2)], 0);
  await first.saveIncident(storedIncident("a"), []);
  await first.saveIncident(storedIncident("b"), []);
  await first.close();
  const db = new DatabaseSync(file);
  db.exec("UPDATE hours SET ok_ms = ok_ms + 1 WHERE hour_ms = 3600000");
  db.exec("UPDATE incidents SET body = replace(body, 'sydney', 'seoul_') WHERE id = 'a'");
  db.close();
  const second = await open();
  const hours: number[] = [];
  const { incidents } = await second.load(0, (part) => {
    hours.push(...part.map(({ hourMs }) => hourMs / 3_600_000));
  });
  assert.deepEqual([hours, incidents.map(({ id }) => id)], [[2], ["b"]]);
  await second.close();
  await dispose();
});
