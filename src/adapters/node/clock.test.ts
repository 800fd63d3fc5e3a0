import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { nodeClock, nodeRandom, nodeTimers } from "./clock.ts";

test("monotonic time never goes back and has fractions", () => {
  let last = nodeClock.monotonicMs();
  let fractions = 0;
  for (let i = 0; i < 1000; i++) {
    const now = nodeClock.monotonicMs();
    assert.ok(now >= last);
    if (now % 1 !== 0) fractions++;
    last = now;
  }
  assert.ok(fractions > 0);
  assert.ok(Math.abs(nodeClock.wallMs() - Date.now()) < 1000);
});

test("a cancelled timer does not run; the others run in order", (t, done) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const ran: string[] = [];
  const cancelled = nodeTimers.after(5, () => ran.push("cancelled"));
  nodeTimers.after(20, () => ran.push("once"));
  const every = nodeTimers.every(10, () => ran.push("every"));
  cancelled.cancel();
  for (let i = 0; i < 30; i++) t.mock.timers.tick(1);
  every.cancel();
  for (let i = 0; i < 30; i++) t.mock.timers.tick(1);
  assert.deepEqual(ran, ["every", "once", "every", "every"]);
  done();
});

test("a delay beyond 2^31 ms is waited for, not fired at once", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const month = 30 * 86_400_000;
  let once = 0;
  let often = 0;
  nodeTimers.after(month, () => once++);
  const every = nodeTimers.every(month, () => often++);
  t.mock.timers.tick(2 ** 31);
  assert.deepEqual([once, often], [0, 0]);
  t.mock.timers.tick(month);
  assert.deepEqual([once, often], [1, 1]);
  every.cancel();
  t.mock.timers.tick(2 ** 31);
  t.mock.timers.tick(2 ** 31);
  assert.deepEqual([once, often], [1, 1]);
});

test("timers do not keep a process alive", () => {
  const source = `
    import { nodeTimers } from ${JSON.stringify(new URL("./clock.ts", import.meta.url).href)};
    nodeTimers.after(60_000, () => {});
    nodeTimers.every(60_000, () => {});
  `;
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", source], {
    timeout: 20_000,
  });
  assert.equal(child.status, 0, child.stderr.toString());
});

test("random numbers have the asked size, an own buffer, and differ", () => {
  assert.match(nodeRandom.hex(16), /^[0-9a-f]{32}$/);
  assert.notEqual(nodeRandom.hex(16), nodeRandom.hex(16));
  const bytes = nodeRandom.bytes(24);
  assert.equal(bytes.length, 24);
  assert.equal(bytes.buffer.byteLength, 24);
  const fraction = nodeRandom.fraction();
  assert.ok(fraction >= 0 && fraction < 1);
});
