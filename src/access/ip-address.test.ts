import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import type { Cidr } from "./compiled-config.ts";
import {
  formatAddress,
  formatSubjectAddress,
  isInCidr,
  isIpv4,
  maskAddress,
  maskWords,
  parseAddress,
  parseCidr,
} from "./ip-address.ts";

function words(text: string): Uint32Array {
  const out = new Uint32Array(4);
  assert.ok(parseAddress(text, out), text);
  return out;
}

test("addresses are read into four words, and written as RFC 5952 says", () => {
  const table: readonly [text: string, canonical: string][] = [
    ["1.2.3.4", "1.2.3.4"],
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["::ffff:1.2.3.4", "1.2.3.4"],
    ["::FFFF:0102:0304", "1.2.3.4"],
    ["0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:DB8::1", "2001:db8::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["::1.2.3.4", "::102:304"],
  ];
  for (const [text, canonical] of table) assert.equal(formatAddress(words(text)), canonical, text);
});

test("what is not a plain address is refused, and nothing is written", () => {
  const texts = (
    "1|1.2.3|1.2.3.4.5|1.2.3.256|1.2.3.04|01.2.3.4|1.2.3.4 | 1.2.3.4|1.2.3.4:80|0x1.2.3.4|1..2.3|" +
    ".1.2.3|1.2.3.|:|:::|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|1::2::3|1:2:3:4:5:6:7::8|12345::|g::|" +
    "[::1]|fe80::1%eth0|::1.2.3|::1.2.3.4:5|1:2:3:4:5:6:7:1.2.3.4|:1:2:3:4:5:6:7|1:2:3:4:5:6:7:|" +
    "unknown|_hidden|::ffff:1.2.3.4.|٣.2.3.4|1.2.3.4/32"
  ).split("|");
  const out = new Uint32Array([1, 2, 3, 4]);
  for (const text of ["", ...texts, "1".repeat(10_000), ":".repeat(10_000)]) {
    assert.equal(parseAddress(text, out), false, text);
    assert.deepEqual([...out], [1, 2, 3, 4], text);
  }
});

test("exactly what node's own parser takes, and what is written is read back", () => {
  const out = new Uint32Array(4);
  const texts = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.string({ unit: fc.constantFrom(..."0123456789abf:."), maxLength: 45 }),
  );
  fc.assert(
    fc.property(texts, (text) => {
      assert.equal(parseAddress(text, out), isIP(text) !== 0, text);
    }),
    { numRuns: 2_000 },
  );
  const word = fc.oneof(fc.constantFrom(0, 0xffff, 0xffff_ffff), fc.nat({ max: 0xffff_ffff }));
  fc.assert(
    fc.property(fc.tuple(word, word, word, word), (expected) => {
      const text = formatAddress(expected);
      assert.notEqual(isIP(text), 0, text);
      assert.deepEqual([...words(text)], expected);
    }),
  );
});

test("a masked address is one subject: all of an IPv6 /64, one IPv4 address", () => {
  const table: readonly [text: string, v4: number, v6: number, subject: string][] = [
    ["203.0.113.7", 32, 64, "203.0.113.7"],
    ["::ffff:203.0.113.7", 32, 64, "203.0.113.7"],
    ["203.0.113.7", 24, 64, "203.0.113.0/24"],
    ["2001:db8:1:2:3:4:5:6", 32, 64, "2001:db8:1:2::/64"],
    ["2001:db8:1:2::ffff", 32, 64, "2001:db8:1:2::/64"],
    ["2001:db8:1:2:3:4:5:6", 32, 128, "2001:db8:1:2:3:4:5:6"],
    ["2001:db8:1:2:3:4:5:6", 32, 20, "2001::/20"],
    ["255.255.255.255", 9, 64, "255.128.0.0/9"],
  ];
  for (const [text, v4, v6, subject] of table) {
    const address = words(text);
    const bits = maskAddress(address, v4, v6);
    assert.equal(formatSubjectAddress(address, bits), subject);
  }
});

test("CIDR blocks hold what shares their prefix, and nothing else", () => {
  const table: readonly [cidr: string, inside: string, outside: string][] = [
    ["10.0.0.0/8", "10.255.0.1", "11.0.0.0"],
    ["10.1.2.3/8", "10.0.0.0", "11.0.0.0"],
    ["10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2"],
    ["0.0.0.0/0", "255.1.1.1", "::1"],
    ["::/0", "2001:db8::1", ""],
    ["2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"],
    ["::1", "::1", "::2"],
    ["::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.0"],
  ];
  for (const [text, inside, outside] of table) {
    const cidr = parseCidr(text) as Cidr;
    assert.ok(isInCidr(words(inside), cidr), `${inside} in ${text}`);
    if (outside !== "") assert.ok(!isInCidr(words(outside), cidr), `${outside} not in ${text}`);
  }
  for (const text of [
    "",
    "10.0.0.0/",
    "10.0.0.0/33",
    "::/129",
    "10/8",
    "10.0.0.0/08",
    "a/8",
    "::/1/1",
  ]) {
    assert.ok("error" in parseCidr(text), text);
  }
  const word = fc.nat({ max: 0xffff_ffff });
  fc.assert(
    fc.property(fc.tuple(word, word, word, word), fc.nat({ max: 128 }), (address, bits) => {
      const masked = Uint32Array.from(address);
      maskWords(masked, bits);
      const cidr: Cidr = { words: [...masked] as [number, number, number, number], bits };
      assert.ok(isInCidr(address, cidr));
      if (bits === 0) return;
      const flipped = [...address];
      const at = (bits - 1) >> 5;
      flipped[at] = ((flipped[at] as number) ^ (1 << (31 - ((bits - 1) & 31)))) >>> 0;
      assert.ok(!isInCidr(flipped, cidr), "a difference in the last bit of the prefix");
      assert.equal(isIpv4(address), address[0] === 0 && address[1] === 0 && address[2] === 0xffff);
    }),
  );
});
