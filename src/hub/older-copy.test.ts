import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hello } from "../ports/link.ts";
import { olderCopy } from "./older-copy.ts";

const fold = { watermark: (key: string): number => (key === "p/a" ? 7 : 0) };

function hello(journal: Hello["journal"]): Hello {
  return {
    ...{ kind: "hello", protocol: 1, producer: "p", incarnation: "b", region: "sydney" },
    ...{ process: 0, listen: "", clusterId: "", view: { epoch: 0, position: 0 } },
    ...{ registryVersion: 0, journal },
  };
}

test("a journal that ends before what the hub has of it is an older copy, and is named", () => {
  assert.match(olderCopy(hello([["a", 5, 6]]), fold) ?? "", /journal of sydney\/0/);
  assert.match(olderCopy(hello([["a", 7, 6]]), fold) ?? "", /journal of sydney\/0/);
});

test("one that has all that it sent is not, whether the batches are there still or not", () => {
  for (const range of [
    [5, 7],
    [8, 7],
    [5, 9],
  ] as const) {
    assert.equal(olderCopy(hello([["a", ...range]]), fold), undefined);
  }
  assert.equal(olderCopy(hello([["b", 1, 0]]), fold), undefined);
});
