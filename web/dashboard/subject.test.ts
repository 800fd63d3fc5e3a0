import assert from "node:assert/strict";
import { test } from "node:test";
import { subjectParts } from "./subject.ts";

test("a subject is its dimension and its value", () => {
  const table = [
    ["key:k_1", "key", "k_1"],
    ["ip:2001:db8::/64", "ip", "2001:db8::/64"],
    ["header:x-team=a:b=c", "header:x-team", "a:b=c"],
    ["odd", "", "odd"],
  ] as const;
  for (const [subject, dimension, value] of table) {
    assert.deepEqual(subjectParts(subject), { dimension, value });
  }
});
