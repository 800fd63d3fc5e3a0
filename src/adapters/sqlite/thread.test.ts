import assert from "node:assert/strict";
import { test } from "node:test";
import type { TallygateError } from "../../base/errors.ts";
import { type Call, Thread } from "./thread.ts";

interface Api {
  ask: Call<undefined, void>;
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
