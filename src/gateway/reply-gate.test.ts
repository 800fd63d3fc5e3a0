import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type HeldReply, ReplyGate, storeWaitMsMax } from "./reply-gate.ts";

class Held implements HeldReply {
  readonly position: number;
  waitUntilMs = 0;
  state: "held" | "released" | "given up" = "held";

  constructor(position: number) {
    this.position = position;
  }

  release(): void {
    assert.equal(this.state, "held");
    this.state = "released";
  }

  giveUp(): void {
    assert.equal(this.state, "held");
    this.state = "given up";
  }
}

test("nothing leaves before it is stored; everything leaves once all is", () => {
  const positions = fc.array(fc.integer({ min: 1, max: 500 }), { maxLength: 300 });
  fc.assert(
    fc.property(positions, fc.array(fc.integer({ min: 1, max: 50 })), (held, steps) => {
      const gate = new ReplyGate();
      const replies = held.map((position) => new Held(position));
      const waiting = [...replies];
      let stored = 0;
      for (const step of steps) {
        for (const reply of waiting.splice(0, step)) gate.hold(reply, 0);
        stored += step;
        gate.stored(stored);
        for (const { position, state } of replies) {
          if (state === "released") assert.ok(position <= stored);
        }
      }
      for (const reply of waiting) gate.hold(reply, 0);
      gate.stored(500 + stored);
      assert.ok(replies.every(({ state }) => state === "released"));
      assert.equal(gate.size, 0);
    }),
  );
});

test("what waits too long is given up, what came later waits on", () => {
  const gate = new ReplyGate();
  const early = new Held(1);
  const late = new Held(2);
  gate.hold(early, 0);
  gate.hold(late, 10);
  gate.expire(storeWaitMsMax - 1);
  assert.equal(early.state, "held");
  gate.expire(storeWaitMsMax);
  assert.equal(early.state, "given up");
  assert.equal(late.state, "held");
  gate.stored(2);
  assert.equal(late.state, "released");
});
