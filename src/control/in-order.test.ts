import assert from "node:assert/strict";
import { test } from "node:test";
import { inOrder } from "./in-order.ts";

test("work runs one after the other in order, also after a failure, and up to its bound", async () => {
  const serial = inOrder(2);
  const events: string[] = [];
  let finish = (): void => {};
  const first = serial(async () => {
    events.push("first begins");
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    events.push("first fails");
    throw new Error("first");
  });
  const second = serial(async () => {
    events.push("second");
  });
  await assert.rejects(
    serial(async () => {}),
    { code: "too-busy" },
  );
  await new Promise((resolve) => setImmediate(resolve));
  finish();
  await assert.rejects(first, /first/);
  await second;
  assert.deepEqual(events, ["first begins", "first fails", "second"]);
  await serial(async () => {});
});
