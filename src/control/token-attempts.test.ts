import assert from "node:assert/strict";
import { test } from "node:test";
import {
  attemptAddressesMax,
  TokenAttempts,
  wrongTokenEveryMs,
  wrongTokensMax,
} from "./token-attempts.ts";

function failTimes(attempts: TokenAttempts, address: string, times: number, nowMs = 0): void {
  for (let i = 0; i < times; i++) attempts.failed(address, nowMs);
}

test("an address has its burst of wrong tokens, then one every few seconds", () => {
  const attempts = new TokenAttempts();
  failTimes(attempts, "203.0.113.7", wrongTokensMax - 1);
  assert.equal(attempts.waitMs("203.0.113.7", 0), 0);
  attempts.failed("203.0.113.7", 0);
  assert.equal(attempts.waitMs("203.0.113.7", 0), wrongTokenEveryMs);
  assert.equal(attempts.waitMs("203.0.113.7", wrongTokenEveryMs - 1), 1);
  assert.equal(attempts.waitMs("203.0.113.7", wrongTokenEveryMs), 0);
  attempts.failed("203.0.113.7", wrongTokenEveryMs);
  assert.ok(attempts.waitMs("203.0.113.7", wrongTokenEveryMs) > 0);
});

const held: [address: string, isHeld: boolean][] = [
  ["2001:db8:1:2::1", true],
  ["2001:db8:1:2:ffff::9", true],
  ["2001:db8:1:3::1", false],
  ["203.0.113.8", false],
];

for (const [address, isHeld] of held) {
  test(`after a flood from 2001:db8:1:2::/64, ${address} is ${isHeld ? "" : "not "}held back`, () => {
    const attempts = new TokenAttempts();
    failTimes(attempts, "2001:db8:1:2::77", wrongTokensMax);
    assert.equal(attempts.waitMs(address, 0) > 0, isHeld);
  });
}

test("an IPv4 address is the same one when it comes mapped into IPv6", () => {
  const attempts = new TokenAttempts();
  failTimes(attempts, "203.0.113.7", wrongTokensMax);
  assert.ok(attempts.waitMs("::ffff:203.0.113.7", 0) > 0);
});

test("a flood from many addresses frees none that is held back; those without room share one bucket", () => {
  const attempts = new TokenAttempts();
  failTimes(attempts, "203.0.113.7", wrongTokensMax);
  for (let i = 0; i < attemptAddressesMax + wrongTokensMax; i++) {
    attempts.failed(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 0);
  }
  assert.ok(attempts.waitMs("203.0.113.7", 0) > 0);
  assert.ok(attempts.waitMs("198.51.100.1", 0) > 0);
  assert.equal(attempts.waitMs("10.0.0.1", 0), 0);
  const laterMs = (wrongTokensMax + 1) * wrongTokenEveryMs;
  attempts.failed("198.51.100.2", laterMs);
  assert.equal(attempts.waitMs("198.51.100.1", laterMs), 0);
});
