/** What a real gateway's journal lets go of, in virtual time. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { openOne } from "./testing/one-gateway.ts";

test("a gateway that does not hear the hub lets nothing go, however long ago it was counted: the hub may be restored", async () => {
  const { gateway, network, route, makeKey, call, pass } = await openOne();
  const key = await makeKey("big");
  for (let i = 0; i < 5; i++) assert.equal(await call(key), 200);
  await pass(15_000);
  const batches = (): number =>
    gateway.journalImage.incarnations.reduce((sum, each) => sum + each.batches.size, 0);
  const before = batches();
  assert.ok(before >= 5);

  route.blocked.add("up");
  route.blocked.add("down");
  await pass(60_000);
  assert.equal(batches(), before);

  route.blocked.clear();
  network.release(gateway.producer);
  await pass(40_000);
  assert.ok(batches() < before, "it goes once the hub is heard");
});
