/** The staleness guard of a real gateway, in virtual time. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { plans } from "./config.ts";
import { openOne } from "./testing/one-gateway.ts";

test("a charge stamped by a clock far ahead, before the hub was heard, does not hide the age of others", async () => {
  const { hub, gateway, route, clock, makeKey, call, pass, restart } = await openOne();
  const [big, guarded] = [await makeKey("big"), await makeKey("guarded")];
  assert.deepEqual([await call(big), await call(guarded)], [200, 200]);
  await pass(5_000);

  gateway.crash();
  clock.skewMs = 20 * 60_000;
  route.delayMs = 30;
  restart();
  await pass(20);
  // The hub is heard some moments later, and can store nothing: what is charged here is known here alone.
  hub.streamDisk.isFailing = true;
  assert.equal(await call(big), 200);
  await pass((plans.guarded.stalenessMs ?? 0) + 500);
  assert.equal(await call(guarded), 503);
  hub.streamDisk.isFailing = false;
  await pass(2_000);
  assert.equal(await call(guarded), 200);
});

test("charges that the hub's stream has lost again count as old, though a clock far ahead has stamped them", async () => {
  const { hub, gateway, route, clock, makeKey, call, pass, restart, startHub } = await openOne();
  const [big, guarded] = [await makeKey("big"), await makeKey("guarded")];
  await pass(2_000);
  gateway.crash();
  clock.skewMs = 20 * 60_000;
  route.delayMs = 30;
  restart();
  await pass(20);
  assert.equal(await call(big), 200);
  await pass(500);
  assert.equal(await call(guarded), 200, "it is covered, and time is put right");

  hub.crash();
  const kept = hub.ledger.fold?.version.position ?? 0;
  const { streamImage } = hub;
  streamImage.records = streamImage.records.filter(({ position }) => position <= kept);
  assert.ok(streamImage.last > kept, "the ledger does not hold them yet");
  streamImage.last = kept;
  startHub();
  await pass(100);
  hub.streamDisk.isFailing = true;
  await pass(1_000);
  assert.equal(await call(guarded), 503);
  hub.streamDisk.isFailing = false;
  await pass(2_000);
  assert.equal(await call(guarded), 200, "they have been sent again");
});
