import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryPortal } from "../hub/testing/memory-portal.ts";
import {
  browserSessionsMax,
  csrfTokenOf,
  isCsrfTokenOf,
  operatorIdleMsMax,
  operatorSessionMsMax,
  personIdleMsMax,
  Sessions,
  sessionsPerSubjectMax,
} from "./sessions.ts";

function rig() {
  let made = 0;
  const time = { nowMs: 1_000_000 };
  const random = {
    bytes: (count: number) => {
      const bytes = new Uint8Array(count);
      new DataView(bytes.buffer).setUint32(0, ++made);
      return bytes;
    },
  };
  const store = new MemoryPortal();
  const log = { error: (message: string) => assert.fail(message) };
  const open = () => new Sessions({ store, log, clock: { wallMs: () => time.nowMs }, random });
  return { time, store, open, sessions: open() };
}

test("a session is found by its id only, and only as what it is", async () => {
  const { sessions } = rig();
  const id = await sessions.begin("operator", "h1");
  assert.equal(sessions.use("operator", id)?.subject, "h1");
  assert.equal(sessions.use("person", id), undefined);
  const hash = sessions.use("operator", id)?.hash ?? "";
  assert.equal(sessions.use("operator", hash), undefined, "what is stored opens nothing");
});

test("a session ends when idle, and at its absolute age however often it is used", async () => {
  const { sessions, time } = rig();
  const idle = await sessions.begin("operator", "h1");
  time.nowMs += operatorIdleMsMax - 1;
  assert.ok(sessions.find("operator", idle));
  time.nowMs += 1;
  assert.equal(sessions.use("operator", idle), undefined);

  const busy = await sessions.begin("operator", "h1");
  const endMs = time.nowMs + operatorSessionMsMax;
  while (time.nowMs + operatorIdleMsMax - 1 < endMs) {
    time.nowMs += operatorIdleMsMax - 1;
    assert.ok(sessions.use("operator", busy));
  }
  time.nowMs = endMs;
  assert.equal(sessions.use("operator", busy), undefined);
  assert.equal(sessions.size, 0);
});

test("ending all of a subject leaves the others", async () => {
  const { sessions } = rig();
  const own = [await sessions.begin("person", "p1"), await sessions.begin("person", "p1")];
  const other = await sessions.begin("person", "p2");
  await sessions.endAllOf("p1");
  for (const id of own) assert.equal(sessions.use("person", id), undefined);
  assert.ok(sessions.use("person", other));
});

test("beyond its bound a subject's longest unused session ends, and nobody else's", async () => {
  const { sessions, time } = rig();
  const other = await sessions.begin("operator", "h2");
  const ids: string[] = [];
  while (ids.length < sessionsPerSubjectMax) ids.push(await sessions.begin("operator", "h1"));
  time.nowMs += 3_600_000;
  for (const id of ids.slice(1)) assert.ok(sessions.use("operator", id));
  assert.ok(sessions.use("operator", ids[0] as string), "just under the bound all are there");
  await sessions.begin("operator", "h1");
  assert.equal(sessions.find("operator", ids[1] as string), undefined);
  assert.ok(sessions.find("operator", ids[0] as string));
  assert.ok(sessions.find("operator", other));
});

test("sessions are bounded in all: those that are over go first, then the one unused for longest", async () => {
  const { sessions, time } = rig();
  const first = await sessions.begin("person", "first");
  for (let i = 1; i < browserSessionsMax; i++) await sessions.begin("person", `p${i}`);
  assert.equal(sessions.size, browserSessionsMax);
  await sessions.begin("person", "one more");
  assert.equal(sessions.size, browserSessionsMax);
  assert.equal(sessions.find("person", first), undefined);
  time.nowMs += personIdleMsMax;
  await sessions.begin("person", "later");
  assert.equal(sessions.size, 1);
});

test("the CSRF token is the session's own", () => {
  const token = csrfTokenOf("session-a");
  assert.ok(isCsrfTokenOf("session-a", token));
  for (const wrong of [undefined, "", token.slice(1), csrfTokenOf("session-b"), "session-a"]) {
    assert.ok(!isCsrfTokenOf("session-a", wrong));
  }
});

test("sessions outlive a restart, with their last use; ended ones stay ended", async () => {
  const { sessions, open, time, store } = rig();
  const id = await sessions.begin("operator", "h1");
  const ended = await sessions.begin("operator", "h1");
  time.nowMs += operatorIdleMsMax - 1;
  const session = sessions.use("operator", id);
  const other = sessions.find("operator", ended);
  assert.ok(session && other);
  await sessions.end(other);
  assert.deepEqual(store.sessions(), [session], "no id is stored, only its hash");
  assert.ok(!JSON.stringify(store.sessions()).includes(id));
  const again = open();
  time.nowMs += operatorIdleMsMax - 1;
  assert.ok(again.find("operator", id));
  assert.equal(again.find("operator", ended), undefined);
});
