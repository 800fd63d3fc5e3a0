import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkTarget, targetMalformed, targetTooLong } from "./target.ts";

const lengthMax = 8_192;

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
  for (const [target, end] of table) assert.equal(checkTarget(target, lengthMax), end, target);
});

test("what another server could read as another path is refused", () => {
  const table = [
    ..."* a http://a/b //a /a#b /a\\b /.. /. /a/.. /a/./b /a/..?x /a/..;/b /a/.;x".split(" "),
    ..."/%2e /a/%2E. /a/.%2e/b /a/%2e%2e;x/b".split(" "),
    ..."/%2f /a%2Fb /a%5cb /%00 /a%0ab /a%7f /% /a%2 /a%zz /%c0%ae /%C1%81 /%ff /%e0%80%ae /%F0%82%82%AC".split(
      " ",
    ),
    "",
    "/a b",
    "/a\tb",
    "/a\u0000",
    "/ä",
    "/a?b c",
    "/a?ä",
    "/a?b#c",
  ];
  for (const target of table) assert.equal(checkTarget(target, lengthMax), targetMalformed, target);
});

test("the bound on length is exact", () => {
  const longest = `/${"a".repeat(lengthMax - 1)}`;
  assert.equal(checkTarget(longest, lengthMax), lengthMax);
  assert.equal(checkTarget(`${longest}a`, lengthMax), targetTooLong);
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
      const end = checkTarget(target, lengthMax);
      if (end < 0) return;
      assert.equal(new URL(target, "http://gateway.test").host, "gateway.test");
      assert.equal(new URL(target, "http://gateway.test").pathname, target.slice(0, end));
    }),
    { numRuns: 2_000 },
  );
});
