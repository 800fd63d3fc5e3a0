import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { HubStatus } from "../hub/hub-api.ts";
import { settleMs, watchEvents } from "./event-watch.ts";
import { createFakeHub, type FakeHub } from "./testing/fake-hub.ts";

let fake: FakeHub;
let status: Partial<HubStatus>;
beforeEach(() => {
  fake = createFakeHub();
  status = {};
});

const told = (): string[] =>
  fake.store.storedEvents.map(({ kind, subject, detail }) =>
    [kind, subject, detail].filter((word) => word !== "").join(" "),
  );

function watch(): { stop(): void } {
  const { context } = fake;
  return watchEvents({ ...context, status: () => ({ ...context.hub.status(), ...status }) });
}

/** A second, and what it sets off. */
async function look(): Promise<void> {
  fake.clockMs += 1_000;
  fake.elapse(1_000);
  await new Promise((resolve) => setImmediate(resolve));
}

const start = ["hub started, epoch 1", "region sydney up", "region seoul up"];

test("a start, a region that goes down and comes back, and a warning are told once each", async () => {
  status = { warnings: [] };
  watch();
  await look();
  assert.deepEqual(told(), start);
  fake.clockMs += settleMs;
  const all = fake.processes;
  fake.processes = all.slice(0, 1);
  status = { warnings: ["its newest checkpoint is 5 s old"] };
  await look();
  status = { warnings: ["its newest checkpoint is 6 s old"] };
  await look();
  fake.processes = all;
  status = { warnings: [] };
  await look();
  await look();
  assert.deepEqual(told().slice(3), [
    "region seoul down",
    "warning begun: its newest checkpoint is 5 s old",
    "region seoul up",
    "warning over: its newest checkpoint is 6 s old",
  ]);
});

test("lost batches, a backup and a changed configuration are told", async () => {
  status = { warnings: [] };
  watch();
  await look();
  status = {
    ...{ warnings: [], rulesVersion: "bbbb", backup: { atMs: 1, position: 9 } },
    lost: [{ producer: "p1", from: 3, to: 4 }],
  };
  await look();
  await look();
  assert.deepEqual(told().slice(3), [
    "lost p1 batches 3–4",
    "backup up to position 9",
    "config rules bbbb",
  ]);
});

test("after a restart regions have a moment to connect, and what an earlier start told is not told again", async () => {
  status = { warnings: [] };
  const first = watch();
  await look();
  first.stop();
  const all = fake.processes;
  fake.processes = [];
  watch();
  await look();
  assert.deepEqual(told().slice(3), ["hub started, epoch 1"]);
  fake.processes = all.slice(0, 1);
  fake.clockMs += settleMs;
  await look();
  assert.deepEqual(told().slice(4), ["region seoul down"]);
});

test("an event that could not be stored is told by a later look", async () => {
  status = { warnings: [] };
  const { add } = fake.store.events;
  fake.store.events.add = () => Promise.reject(new Error("disk full"));
  watch();
  await look();
  assert.deepEqual(told(), []);
  fake.store.events.add = add;
  await look();
  assert.deepEqual(told(), start);
});
