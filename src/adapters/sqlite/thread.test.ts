import assert from "node:assert/strict";
import { test } from "node:test";
import type { TallygateError } from "../../base/errors.ts";
import { type Call, Thread } from "./thread.ts";

interface Api {
  ask: Call<undefined, void>;
}

interface ChurningApi {
  ask: Call<undefined, number>;
}

const from = new URL("./testing/index.ts", import.meta.url).href;

test("a thread that dies rejects what is under way and what comes, and says so once", async () => {
  const deaths: TallygateError[] = [];
  const { thread } = await Thread.start<Api, undefined>({
    from,
    module: "dying-thread",
    data: {},
    failed: "journal-failed",
    onDeath: (failure) => deaths.push(failure),
  });
  await assert.rejects(thread.call("ask", undefined), { code: "journal-failed" });
  await assert.rejects(thread.call("ask", undefined), { code: "journal-failed" });
  await thread.end();
  assert.equal(deaths.length, 1);
});

test("a thread that is told to end does not die", async () => {
  const { thread } = await Thread.start<Api, undefined>({
    from,
    module: "dying-thread",
    data: {},
    failed: "journal-failed",
    onDeath: () => assert.fail("it was told to"),
  });
  await thread.end();
});

test("a thread collects what is dead before much of it has gathered", async () => {
  const { thread } = await Thread.start<ChurningApi, undefined>({
    from,
    module: "churning-thread",
    data: {},
    failed: "journal-failed",
  });
  const youngBytes = await thread.call("ask", undefined);
  await thread.end();
  assert.ok(youngBytes > 0 && youngBytes <= 6 * 2 ** 20, `${youngBytes} bytes`);
});
