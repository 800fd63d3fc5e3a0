import assert from "node:assert/strict";
import { test } from "node:test";
import type { HubEnd, HubMessage } from "../ports/link.ts";
import type { RegistryRow } from "../ports/registry-store.ts";
import type { Registry } from "./registry.ts";
import { RegistrySync, unsavedBytesMax } from "./registry-sync.ts";
import { FakeTime } from "./testing/fake-time.ts";

const rowBytes = 4_000;
/** Four times what may be on its way unsaved. */
const rowCount = Math.ceil((4 * unsavedBytesMax) / rowBytes);

function row(version: number): RegistryRow {
  const packed = new Uint8Array(rowBytes);
  return { hash: `${version}`, keyId: `k_${version}`, owner: "", version, packed };
}

/** A gateway that has nothing yet, and a registry of `rowCount` records. */
function syncing() {
  const time = new FakeTime();
  const sent: { version: number; last: boolean; bytes: number }[] = [];
  const end = {
    bufferedBytes: 0,
    send(message: HubMessage, payload?: Uint8Array) {
      assert.equal(message.kind, "registry");
      const { version, last } = message;
      sent.push({ version, last, bytes: payload?.length ?? 0 });
    },
  } as unknown as HubEnd;
  const registry = {
    version: rowCount,
    wantedFrom: () => undefined,
    after: (version: number, limit: number) =>
      Array.from({ length: Math.min(limit, rowCount - version) }, (_, i) => row(version + 1 + i)),
  } as unknown as Registry;
  const sync = new RegistrySync(end, { registry, timers: time }, 0);
  return { time, sent, sync };
}

function bytesOf(sent: readonly { bytes: number }[]): number {
  return sent.reduce((sum, { bytes }) => sum + bytes, 0);
}

test("a gateway that saves nothing is sent a bounded part of the registry", async () => {
  const { time, sent } = syncing();
  await time.advance(60_000);
  const sliceBytes = 2_048 * rowBytes;
  assert.ok(bytesOf(sent) > unsavedBytesMax);
  assert.ok(bytesOf(sent) <= unsavedBytesMax + sliceBytes);
  assert.equal(sent.at(-1)?.last, false);
});

test("a gateway that acknowledges what it saved gets everything, in order, once", async () => {
  const { time, sent, sync } = syncing();
  for (let turn = 0; turn < 100 && sent.at(-1)?.last !== true; turn++) {
    sync.onAck(sent.at(-1)?.version ?? 0);
    await time.advance(10);
  }
  assert.equal(sent.at(-1)?.last, true);
  assert.equal(sent.at(-1)?.version, rowCount);
  assert.equal(bytesOf(sent), rowCount * rowBytes);
  const versions = sent.map(({ version }) => version);
  assert.deepEqual(
    versions,
    versions.toSorted((a, b) => a - b),
  );
});
