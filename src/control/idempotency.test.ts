import assert from "node:assert/strict";
import { test } from "node:test";
import { createIdempotency } from "./idempotency.ts";
import { createFakeHub } from "./testing/fake-hub.ts";

test("a stored answer opens with the same token and key, and with neither alone", async () => {
  const { context } = createFakeHub();
  const { clock, random } = context;
  const first = { key: "key-1", token: "token-1", principal: "admin", request: "POST" };
  const { run } = createIdempotency({ store: context.idempotency, clock, random });
  const work = () => Promise.resolve("the secret");
  assert.deepEqual(await run(first, work), { kind: "done", answer: "the secret", replayed: false });
  assert.deepEqual(await run(first, work), { kind: "done", answer: "the secret", replayed: true });
  assert.deepEqual(await run({ ...first, token: "token-2" }, work), { kind: "gone" });
  const other = await run({ ...first, principal: "t_1" }, work);
  assert.deepEqual(other, { kind: "done", answer: "the secret", replayed: false });
});

test("work that fails is told to its caller and leaves the key free", async () => {
  const { context } = createFakeHub();
  const { clock, random } = context;
  const { run } = createIdempotency({ store: context.idempotency, clock, random });
  const request = { key: "key-1", token: "token-1", principal: "admin", request: "POST" };
  await assert.rejects(
    run(request, () => Promise.reject(new Error("no"))),
    /no/,
  );
  const outcome = await run({ ...request, request: "POST other" }, () => Promise.resolve("yes"));
  assert.deepEqual(outcome, { kind: "done", answer: "yes", replayed: false });
});
