import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "./ip-address.ts";
import { type KeyRestrictions, unrestricted } from "./key-record.ts";
import { checkRestrictions, compileRestrictions, violatedRestriction } from "./key-restrictions.ts";

function violated(restrict: Partial<KeyRestrictions>, ip: string, referer = "", route = "/a") {
  const address = new Uint32Array(4);
  assert.ok(parseAddress(ip, address));
  const compiled = compileRestrictions({ ...unrestricted, ...restrict });
  return violatedRestriction(compiled, { referer, address, route });
}

test("a key works only from its referers, addresses and for its routes", () => {
  assert.equal(violated({}, "1.2.3.4"), undefined);
  const referers = ["example.com", "*.example.org"];
  for (const [referer, outcome] of [
    ["example.com", undefined],
    ["www.example.com", "referer"],
    ["www.example.org", undefined],
    ["a.b.example.org", undefined],
    ["example.org", "referer"],
    [".example.org", "referer"],
    ["badexample.org", "referer"],
    ["", "referer"],
  ] as const) {
    assert.equal(violated({ referers }, "1.2.3.4", referer), outcome, referer);
  }
  const addresses = ["203.0.113.0/24", "2001:db8::/32"];
  assert.equal(violated({ addresses }, "203.0.113.9"), undefined);
  assert.equal(violated({ addresses }, "::ffff:203.0.113.9"), undefined);
  assert.equal(violated({ addresses }, "2001:db8:9::1"), undefined);
  assert.equal(violated({ addresses }, "203.0.114.9"), "address");
  assert.equal(violated({ routes: ["/a", "/b/{id}"] }, "1.2.3.4", "", "/b/{id}"), undefined);
  assert.equal(violated({ routes: ["/b/{id}"] }, "1.2.3.4", "", "/a"), "route");
});

test("a restriction that cannot be read lets nothing pass, and is refused when a key is made", () => {
  assert.equal(violated({ addresses: ["nonsense"] }, "1.2.3.4"), "address");
  const table: readonly [restrict: Partial<KeyRestrictions>, isGood: boolean][] = [
    [{}, true],
    [{ referers: ["example.com", "*.example.com"] }, true],
    [{ referers: ["Example.com"] }, false],
    [{ referers: ["https://example.com"] }, false],
    [{ referers: ["*"] }, false],
    [{ addresses: ["10.0.0.0/8", "::1"] }, true],
    [{ addresses: ["10.0.0.0/99"] }, false],
    [{ routes: ["/{ip}"] }, true],
    [{ routes: ["ip"] }, false],
  ];
  for (const [restrict, isGood] of table) {
    const why = checkRestrictions({ ...unrestricted, ...restrict });
    assert.equal(why === undefined, isGood, JSON.stringify(restrict));
  }
});
