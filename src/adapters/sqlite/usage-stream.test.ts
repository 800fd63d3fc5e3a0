import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type StreamStorage, usageStreamConformance } from "../../conformance/usage-stream.ts";
import { openUsageStream } from "./usage-stream.ts";

async function storage(
  options: { pendingBytesMax?: number; startAfter?: number } = {},
): Promise<StreamStorage> {
  const folder = await mkdtemp(join(tmpdir(), "tallygate-stream-"));
  const file = join(folder, "stream.db");
  return {
    open: () => openUsageStream({ file, ...options }),
    dispose: () => rm(folder, { recursive: true }),
  };
}

usageStreamConformance({ name: "sqlite", create: () => storage() });

test("what waits is bounded: an append beyond the bound is refused, one up to it is taken", async () => {
  const { open, dispose } = await storage({ pendingBytesMax: 1000 });
  const stream = await open();
  const half = new Uint8Array(500);
  const taken = [stream.append(half), stream.append(half)];
  await assert.rejects(stream.append(new Uint8Array(1)), { code: "stream-failed" });
  assert.deepEqual(await Promise.all(taken), [1, 2]);
  assert.equal(await stream.append(new Uint8Array(1)), 3);
  await stream.close();
  await dispose();
});

test("a new stream can be made to begin behind what a restored ledger has seen", async () => {
  const { open, dispose } = await storage({ startAfter: 41 });
  for (const position of [42, 43]) {
    const stream = await open();
    assert.equal(stream.last, position - 1);
    assert.equal(await stream.append(new Uint8Array(1)), position);
    await stream.close();
  }
  await dispose();
});
