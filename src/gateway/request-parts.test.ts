import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HeaderScan } from "./header-scan.ts";
import { isHost } from "./host.ts";
import { queryValues, queryWithout } from "./query.ts";

test("a scan finds watched fields in any case, counts repeats, and forgets the last request", () => {
  const scan = new HeaderScan();
  const key = scan.watch("x-api-key");
  const host = scan.watch("host");
  assert.equal(scan.watch("x-api-key"), key);
  scan.scan(["HOST", "a", "X-Api-Key", "1", "x-api-keys", "2", "x-API-key", "3", "x_api_key", "4"]);
  assert.equal(scan.first(key), "1");
  assert.equal(scan.count(key), 2);
  assert.equal(scan.first(host), "a");
  scan.scan(["x-other", "1"]);
  assert.equal(scan.first(key), undefined);
  assert.equal(scan.count(key), 0);
});

test("a host is a name or address with perhaps a port", () => {
  const good =
    "a a.b a.b. a:1 a.b:65535 127.0.0.1:80 [::1] [::1]:8080 A_b-c [::ffff:1.2.3.4]".split(" ");
  const bad = [
    ..."a@b a/b a,b a:0 a:65536 a:1x a: :80 a:b:c ä a%20b a?b a#b . .a a..b a..:80".split(" "),
    ..."[::1 [] [x] [::1]x [::1]: [:::] [1.2.3.4] [1.2.3.4]:80 [::1%eth0] [[::1]] ::1".split(" "),
  ];
  for (const host of good) assert.equal(isHost(host), true, host);
  for (const host of [...bad, "", "a b", " a", "a".repeat(260)])
    assert.equal(isHost(host), false, host);
});

test("an admitted host is the same host and port to a parser of URLs, which finds nothing else in it", () => {
  const piece = fc.constantFrom(
    ...["a", "Z", "0", "9", "-", "_", ".", ":", ":80", ":8443", "[", "]", "::1", "ffff", "1.2.3.4"],
    ...["@", "/", "?", "#", "%", "\\", ",", " ", "\t", "\0", "é", "xn--", "%2e", "[::1]"],
  );
  const texts = fc.oneof(
    fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join("")),
    fc.tuple(fc.domain(), fc.nat({ max: 70_000 })).map(([name, port]) => `${name}:${port}`),
    fc.ipV6().map((address) => `[${address}]`),
    fc.string({ unit: "binary", maxLength: 12 }),
  );
  fc.assert(
    fc.property(texts, (host) => {
      if (!isHost(host)) return;
      const url = URL.parse(`x://${host}/p`);
      assert.ok(url !== null, host);
      const port = /:(\d+)$/.exec(host)?.[1];
      assert.equal(url.port, port === undefined ? "" : String(Number(port)), host);
      if (!host.startsWith("[")) assert.equal(url.hostname, host.replace(/:\d+$/, ""), host);
      assert.deepEqual([url.username, url.pathname, url.search, url.hash], ["", "/p", "", ""]);
    }),
    { numRuns: 3_000 },
  );
});

test("query parameters are found however they are written, and taken out without touching others", () => {
  const table: [string, string[], string][] = [
    ["/p", [], ""],
    ["/p?", [], "?"],
    ["/p?k=1", ["1"], ""],
    ["/p?a=1&k=2&b=%zz", ["2"], "?a=1&b=%zz"],
    ["/p?k=1&a&k=2", ["1", "2"], "?a"],
    ["/p?%6B=a%20b+c", ["a b c"], ""],
    ["/p?k", [""], ""],
    ["/p?kk=1&=k&a=k", [], "?kk=1&=k&a=k"],
    ["/p?a=1&&b", [], "?a=1&&b"],
    ["/p?k=%ff", ["%ff"], ""],
  ];
  for (const [target, values, rest] of table) {
    assert.deepEqual(queryValues(target, 2, "k"), values, target);
    assert.equal(queryWithout(target, 2, ["k"]), rest, target);
    assert.equal(queryWithout(target, 2, []), target.slice(2), target);
  }
});
