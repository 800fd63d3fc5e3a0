import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mock, test } from "node:test";
import { timeConformance } from "../../conformance/clock.ts";
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

timeConformance({
  name: "node",
  create: () => {
    mock.timers.enable({ apis: ["setTimeout", "setInterval", "setImmediate"] });
    return {
      ...{ clock: nodeClock, timers: nodeTimers, random: nodeRandom },
      pass: async (ms) => {
        await undefined;
        mock.timers.tick(ms);
      },
      dispose: () => mock.timers.reset(),
    };
  },
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
