import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkTarget, targetLengthMax, targetMalformed, targetTooLong } from "./target.ts";

test("the path of an admissible target ends at ? or the end", () => {
  const table: [string, number][] = [
    ["/", 1],
    ["/a/b", 4],
    ["/a/b?c=/../d", 4],
    ["/?", 1],
    ["/a//b", 5],
    ["/a/.b/..c/...", 13],
    ["/a%20b", 6],
    ["/%e2%82%ac", 10],
    ["/a%252e", 7],
    ["/a?x=%zz%00", 2],
    ["/a;b=1/c", 8],
    ["/{a}", 4],
  ];
  for (const [target, end] of table) assert.equal(checkTarget(target), end, target);
});

test("what another server could read as another path is refused", () => {
  const table = [
    ..."* a http://a/b //a /a#b /a\\b /.. /. /a/.. /a/./b /a/..?x /a/..;/b /a/.;x".split(" "),
    ..."/%2e /a/%2E. /a/.%2e/b /a/%2e%2e;x/b".split(" "),
    ..."/%2f /a%2Fb /a%5cb /%00 /a%0ab /a%7f /% /a%2 /a%zz /%c0%ae /%C1%81 /%ff".split(" "),
    "",
    "/a b",
    "/a\tb",
    "/a\u0000",
    "/ä",
    "/a?b c",
    "/a?ä",
    "/a?b#c",
  ];
  for (const target of table) assert.equal(checkTarget(target), targetMalformed, target);
});

test("the bound on length is exact", () => {
  const longest = `/${"a".repeat(targetLengthMax - 1)}`;
  assert.equal(checkTarget(longest), targetLengthMax);
  assert.equal(checkTarget(`${longest}a`), targetTooLong);
});

test("an admitted path means the same to a parser that normalises", () => {
  const piece = fc.constantFrom(
    "/",
    ".",
    "%2e",
    "%2E",
    "a",
    ";",
    "%2f",
    "%5c",
    "\\",
    "%",
    "?",
    "é",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const target = `/${pieces.join("")}`;
      const end = checkTarget(target);
      if (end < 0) return;
      assert.equal(new URL(target, "http://gateway.test").host, "gateway.test");
      assert.equal(new URL(target, "http://gateway.test").pathname, target.slice(0, end));
    }),
    { numRuns: 2_000 },
  );
});
