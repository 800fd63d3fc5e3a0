import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CounterSpec, Scope } from "./plan.ts";
import { parseWindowSpec } from "./window.ts";
import { liveWindowsMax, WindowTables } from "./window-tables.ts";

function counter(window: string, scope: Scope = "global"): CounterSpec {
  const spec = parseWindowSpec(window);
  assert.ok(!("error" in spec));
  return { per: "key", dimension: 0, window: spec, scope };
}

const now = Date.parse("2026-11-21T22:33:58Z");
const dayMs = 86_400_000;

describe("live windows", () => {
  it("are the same object for every counter on the same window, until it is over", () => {
    const tables = new WindowTables("sydney");
    const live = tables.current(counter("day"), now, 1);
    assert.equal(live.id, "day/2026-11-21T00:00:00Z");
    const endMs = Date.parse("2026-11-22T00:00:00Z");
    assert.equal(live.endMs, endMs);
    assert.equal(tables.current(counter("24h"), endMs - 1, 9), live);
    const next = tables.current(counter("day"), endMs, 1);
    assert.equal(next.id, "day/2026-11-22T00:00:00Z");
    assert.equal(tables.size, 2);
    assert.equal(tables.get(live.id), live);
  });

  it("follow a clock that was put back: the window that holds now, not the one that was opened ahead", () => {
    const tables = new WindowTables("sydney");
    const ahead = tables.current(counter("second"), now + 10_000, 1);
    assert.equal(ahead.id, "second/2026-11-21T22:34:08Z");
    assert.equal(tables.current(counter("second"), now, 1).id, "second/2026-11-21T22:33:58Z");
    assert.equal(tables.current(counter("second"), now + 10_000, 1), ahead);
  });

  it("carry the region where the counter is regional, and only there", () => {
    const tables = new WindowTables("sydney");
    assert.equal(
      tables.current(counter("2s", "region"), now, 1).id,
      "2s/2026-11-21T22:33:58Z/sydney",
    );
    assert.equal(tables.current(counter("2s"), now, 1).id, "2s/2026-11-21T22:33:58Z");
    const hub = new WindowTables("");
    assert.equal(hub.current(counter("2s", "region"), now, 1).id, "2s/2026-11-21T22:33:58Z");
  });

  it("of month@key are one for each anchor day", () => {
    const tables = new WindowTables("");
    const spec = counter("month@key");
    const ids = [1, 17, 21, 22, 31].map((anchorDay) => tables.current(spec, now, anchorDay).id);
    assert.deepEqual(ids, [
      "month@1/2026-11-01T00:00:00Z",
      "month@17/2026-11-17T00:00:00Z",
      "month@21/2026-11-21T00:00:00Z",
      "month@22/2026-10-22T00:00:00Z",
      "month@31/2026-10-31T00:00:00Z",
    ]);
    assert.equal(tables.current(counter("month"), now, 17).id, "month/2026-11-01T00:00:00Z");
  });

  it("change the generation when one rolls over, and not otherwise", () => {
    const tables = new WindowTables("");
    const seen = [tables.generation];
    for (const at of [now, now, now + 1_999, now + 2_000, now + 2_000]) {
      tables.current(counter("2s"), at, 1);
      seen.push(tables.generation);
    }
    assert.deepEqual(seen, [0, 1, 1, 1, 2, 2]);
  });

  it("are found by id, made by id, and become current when their time comes", () => {
    const tables = new WindowTables("");
    const id = "day/2026-11-22T00:00:00Z";
    assert.equal(tables.get(id), undefined);
    const made = tables.getOrCreate(id);
    assert.equal(tables.getOrCreate(id), made);
    assert.equal(tables.current(counter("day"), now + dayMs, 1), made);
    for (const wrong of ["", "day", "7h/2026-11-22T00:00:00Z", "day/2026-11-22T00:00:01Z"]) {
      assert.equal(tables.getOrCreate(wrong), undefined);
    }
    assert.equal(tables.size, 1);
  });

  it("are dropped whole at the horizon, the end itself being over", () => {
    const tables = new WindowTables("");
    const day = tables.current(counter("day"), now, 1);
    const month = tables.current(counter("month"), now, 1);
    assert.deepEqual(tables.dropEndedBefore(day.endMs - 1), []);
    assert.deepEqual(tables.dropEndedBefore(day.endMs), [day]);
    assert.equal(tables.get(day.id), undefined);
    const live: string[] = [];
    tables.forEach(({ id }) => live.push(id));
    assert.deepEqual(live, [month.id]);
    // A clock behind the horizon gets a new, empty table.
    assert.notEqual(tables.current(counter("day"), now, 1), day);
  });

  it("give a new window room for as many counters as the one before had, dropped or not", () => {
    const tables = new WindowTables("sydney");
    const fill = (nowMs: number, count: number): number => {
      const { table } = tables.current(counter("second"), nowMs, 1);
      for (let i = 1; i <= count; i++) {
        table.addOwn(Math.imul(i, 0x9e3779b1), Math.imul(i, 0x85ebca6b), 1);
      }
      return table.movedPerStepMax;
    };
    assert.ok(fill(now, 3_000) > 500);
    assert.ok(fill(now + 1_000, 3_000) <= 16);
    tables.dropEndedBefore(now + 2_000);
    assert.ok(fill(now + 2_000, 3_000) <= 16);
  });

  it("are bounded: by id none is made beyond, a current one takes the place of the oldest", () => {
    const tables = new WindowTables("");
    const idAt = (second: number): string =>
      `second/${new Date(now + second * 1_000).toISOString().slice(0, 19)}Z`;
    for (let i = 0; i < liveWindowsMax; i++) assert.ok(tables.getOrCreate(idAt(i)) !== undefined);
    assert.equal(tables.getOrCreate(idAt(liveWindowsMax)), undefined);
    const live = tables.current(counter("day"), now, 1);
    assert.equal(tables.get(live.id), live);
    assert.equal(tables.get(idAt(0)), undefined);
    assert.equal(tables.size, liveWindowsMax);
    tables.dropEndedBefore(now + 2_000);
    assert.ok(tables.getOrCreate(idAt(liveWindowsMax)) !== undefined);
  });
});
