import assert from "node:assert/strict";
import { test } from "node:test";
import { TallygateError } from "../../base/errors.ts";
import { reportKeptMs, reportsAtOnceMax, SharedReports } from "./shared-reports.ts";

test("who asks for the same within a second gets the same answer, made once", async () => {
  const reports = new SharedReports<number>();
  let made = 0;
  const make = async () => ++made;
  const both = [reports.get("a", 0, make), reports.get("a", 0, make)];
  assert.deepEqual(await Promise.all(both), [1, 1]);
  assert.equal(await reports.get("a", reportKeptMs - 1, make), 1);
  assert.equal(await reports.get("b", reportKeptMs - 1, make), 2, "another's is another");
  assert.equal(await reports.get("a", reportKeptMs, make), 3);
});

test("a failure is told and not kept", async () => {
  const reports = new SharedReports<number>();
  await assert.rejects(reports.get("a", 0, () => Promise.reject(new Error("no"))));
  assert.equal(await reports.get("a", 0, async () => 7), 7);
});

test("reports in progress are bounded, and room is made by one that ends", async () => {
  const reports = new SharedReports<number>();
  const ends: (() => void)[] = [];
  const slow = () => new Promise<number>((resolve) => ends.push(() => resolve(1)));
  const running = Array.from({ length: reportsAtOnceMax }, (_, i) => reports.get(`${i}`, 0, slow));
  const tooBusy = (error: unknown) => error instanceof TallygateError && error.code === "too-busy";
  await assert.rejects(reports.get("one more", 0, slow), tooBusy);
  ends[0]?.();
  await running[0];
  const more = reports.get("one more", 0, slow);
  for (const end of ends) end();
  await Promise.all([...running, more]);
});
