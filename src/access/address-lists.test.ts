import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AddressLists } from "./address-lists.ts";
import type { Cidr } from "./compiled-config.ts";
import { isInCidr, maskWords, parseAddress, parseCidr } from "./ip-address.ts";

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  assert.ok(!("error" in parsed), text);
  return parsed;
}

function words(text: string): Uint32Array {
  const out = new Uint32Array(4);
  assert.ok(parseAddress(text, out), text);
  return out;
}

const cases: readonly [allow: string, deny: string, denied: string, admitted: string][] = [
  ["", "10.0.0.0/8", "10.0.0.0 10.255.255.255", "9.255.255.255 11.0.0.0 ::1"],
  ["10.1.0.0/16", "10.0.0.0/8", "10.0.255.255 10.2.0.0 11.0.0.0 ::", "10.1.0.0 10.1.255.255"],
  ["0.0.0.0/0 10.1.0.0/16", "10.0.0.0/8", "10.2.0.1 ::1", "10.1.2.3 9.9.9.9 255.255.255.255"],
  ["10.1.0.0/16", "10.1.2.0/24 10.1.2.3", "10.1.2.3 10.1.2.4", "10.1.3.0 10.1.1.255"],
  ["10.1.2.3", "10.1.2.3", "10.1.2.3 1.2.3.4", ""],
  ["", "::/0", ":: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 1.2.3.4", ""],
  ["2001:db8::/32", "2001:db8:bad::/48", "2001:db8:bad::1 2001:db9::", "2001:db8:bac:: 2001:db8::"],
  [
    "",
    "255.255.255.255 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "255.255.255.255",
    "255.255.255.254",
  ],
  ["", "", "", "1.2.3.4 ::"],
];

for (const [allow, deny, denied, admitted] of cases) {
  test(`allow [${allow}], deny [${deny}]`, () => {
    const split = (text: string) => text.split(" ").filter((one) => one !== "");
    const lists = new AddressLists(split(allow).map(cidr), split(deny).map(cidr));
    for (const text of split(denied)) assert.equal(lists.isDenied(words(text)), true, text);
    for (const text of split(admitted)) assert.equal(lists.isDenied(words(text)), false, text);
  });
}

/** Few bits and words, so that blocks meet. */
const block = fc
  .tuple(fc.constantFrom(0, 1, 0x8000_0000, 0xffff_ffff), fc.nat({ max: 3 }), fc.nat({ max: 128 }))
  .map(([a, d, bits]): Cidr => {
    const all = new Uint32Array([a, 0, 0xffff, d]);
    maskWords(all, bits);
    return { words: [...all] as [number, number, number, number], bits };
  });

test("the longest block decides, for any lists", () => {
  fc.assert(
    fc.property(fc.array(block), fc.array(block), block, (allow, deny, at) => {
      const longest = (list: readonly Cidr[]): number =>
        Math.max(-1, ...list.filter((one) => isInCidr(at.words, one)).map(({ bits }) => bits));
      const [a, d] = [longest(allow), longest(deny)];
      const expected = d >= 0 || a >= 0 ? d >= a : allow.length > 0;
      return new AddressLists(allow, deny).isDenied(at.words) === expected;
    }),
    { numRuns: 2_000 },
  );
});
