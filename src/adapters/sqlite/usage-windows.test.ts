import assert from "node:assert/strict";
import { test } from "node:test";
import { piecesOf } from "./usage-windows.ts";

const hour = 3_600;
const day = 24 * hour;
const stored = { from: 0, to: 100 * day };

test("no stretch of hours is put together from more hours than it has", () => {
  const start = 40 * day;
  for (let from = 0; from < 24; from++) {
    for (let length = 1; length <= 60; length++) {
      const stretch = { from: start + from * hour, to: start + (from + length) * hour };
      const pieces = piecesOf(stretch, stored, "hour");
      const read = pieces.filter((piece) => piece.length === "hour");
      const hours = read.reduce((sum, piece) => sum + (piece.to - piece.from) / hour, 0);
      assert.ok(hours <= Math.min(length, 24), `${hours} hours for ${length} from ${from}:00`);
      const whole = pieces.reduce((sum, { sign, from, to }) => sum + sign * (to - from), 0);
      assert.equal(whole, length * hour);
    }
  }
});
