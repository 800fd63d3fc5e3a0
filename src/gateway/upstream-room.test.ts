import assert from "node:assert/strict";
import { test } from "node:test";
import { ConcurrencyLimit } from "./concurrency-limit.ts";
import { UpstreamRoom } from "./upstream-room.ts";

function limitAfter({ latencyMs, latenessMs }: { latencyMs: number; latenessMs: number }): number {
  const limit = new ConcurrencyLimit(256);
  let late = 0;
  const room = new UpstreamRoom(limit, {
    cutOffs: { add: () => {} },
    connections: () => 256,
    latenessMs: () => late,
  });
  let nowMs = 0;
  // As many at once as may go, in calm and then as asked for.
  for (let round = 0; round < 62; round++) {
    const isCalm = round < 50;
    late = isCalm ? 0 : latenessMs;
    const tookMs = isCalm ? 2 : latencyMs;
    nowMs += tookMs + 50;
    const begun: { cutOff(): void }[] = [];
    while (room.begin(false, nowMs)) begun.push({ cutOff: () => {} });
    for (const holder of begun) {
      room.end(tookMs, nowMs);
      room.disconnect(holder);
    }
  }
  return limit.limit;
}

test("answers that are read late since this process is busy do not lower an upstream's limit", () => {
  const slow = limitAfter({ latencyMs: 40, latenessMs: 0 });
  const busy = limitAfter({ latencyMs: 40, latenessMs: 20 });
  assert.ok(slow < busy / 3, `${slow} where it is slow, ${busy} where we are`);
});
