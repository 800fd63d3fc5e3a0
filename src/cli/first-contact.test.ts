import assert from "node:assert/strict";
import { test } from "node:test";
import { firstContact } from "./first-contact.ts";

/** Says no so many times, then yes. */
function after(looks: number): () => boolean {
  let seen = 0;
  return () => ++seen > looks;
}

const never = (): boolean => false;

test("a start waits until the hub's time is known", async () => {
  const isMade = after(2);
  await firstContact({ isMade, hasFailed: never }, 60_000);
  assert.equal(isMade(), true);
});

test("a start does not wait for a hub that cannot be reached", async () => {
  await firstContact({ isMade: never, hasFailed: after(2) }, 60_000);
});

test("a start waits no longer than its bound for a hub that is silent", async () => {
  const startMs = performance.now();
  await firstContact({ isMade: never, hasFailed: never }, 30);
  assert.ok(performance.now() - startMs >= 29);
});
