import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { clientAddress, forwardedEntriesMax } from "./client-address.ts";
import type { Cidr } from "./compiled-config.ts";
import { formatAddress, parseCidr } from "./ip-address.ts";

const trustedProxies = ["10.0.0.0/8", "2001:db8:ffff::/48"].map((text) => parseCidr(text) as Cidr);

function address(peer: string, ...lines: string[]): string {
  const rawHeaders = ["Host", "example.com", ...lines.flatMap((line) => ["X-Forwarded-For", line])];
  const out = new Uint32Array(4);
  const ok = clientAddress({ peer, rawHeaders, trustedProxies }, out);
  return ok ? formatAddress(out) : "none";
}

/** Peer, X-Forwarded-For lines, the address that counts. */
const table = `
203.0.113.7        |                                        | 203.0.113.7        no header
203.0.113.7        | 1.1.1.1                                | 203.0.113.7        forged by an untrusted peer
::ffff:203.0.113.7 | 1.1.1.1                                | 203.0.113.7        mapped peer
10.0.0.1           |                                        | 10.0.0.1           proxy without header
10.0.0.1           | 1.1.1.1                                | 1.1.1.1            one hop
::ffff:10.0.0.1    | ::ffff:1.1.1.1                         | 1.1.1.1            mapped both
10.0.0.1           | 6.6.6.6, 1.1.1.1                       | 1.1.1.1            forged left part
10.0.0.1           | 6.6.6.6, 1.1.1.1, 10.0.0.2             | 1.1.1.1            two trusted hops
10.0.0.1           | 10.0.0.3, 10.0.0.2                     | 10.0.0.3           all trusted: the first
10.0.0.1           | 6.6.6.6 ; 1.1.1.1                      | 1.1.1.1            two lines are one list
10.0.0.1           | 1.1.1.1 ; 10.0.0.2                     | 1.1.1.1            going on in the line before
10.0.0.1           | unknown                                | 10.0.0.1           garbage: the proxy itself
10.0.0.1           | 1.1.1.1, unknown, 10.0.0.2             | 10.0.0.2           garbage ends the walk
10.0.0.1           | 1.1.1.1, _hidden                       | 10.0.0.1           obfuscated
10.0.0.1           | fe80::1%eth0                           | 10.0.0.1           zone id
10.0.0.1           | 1.1.1.1:443                            | 1.1.1.1            port
10.0.0.1           | [2001:db8::1]:443                      | 2001:db8::1        bracketed with port
10.0.0.1           | [2001:db8::1]                          | 2001:db8::1        bracketed
10.0.0.1           | 2001:db8::1                            | 2001:db8::1        bare IPv6
10.0.0.1           | [1.1.1.1]                              | 10.0.0.1           brackets around IPv4
10.0.0.1           | [2001:db8::1                           | 10.0.0.1           open bracket
10.0.0.1           | [2001:db8::1]443                       | 10.0.0.1           junk after the bracket
10.0.0.1           | 1.1.1.1:                               | 10.0.0.1           no port after the colon
10.0.0.1           | 1.1.1.1:999999                         | 10.0.0.1           port too long
10.0.0.1           | ,, 1.1.1.1 ,,\t                        | 1.1.1.1            empty entries
10.0.0.1           | 192.168.0.9                            | 192.168.0.9        private, but not trusted
2001:db8:ffff::1   | 2001:db8::9                            | 2001:db8::9        trusted by IPv6 block
10.0.0.1           | <script>                               | 10.0.0.1           rubbish
/run/socket        | 1.1.1.1                                | none               not an address
`;

for (const row of table.trim().split("\n")) {
  const [peer = "", lines = "", expected = ""] = row.split("|").map((cell) => cell.trim());
  const [counted = "", ...words] = expected.split(/\s+/);
  test(`X-Forwarded-For: ${words.join(" ")}`, () => {
    const given = lines === "" ? [] : lines.split(";").map((line) => line.trim());
    assert.equal(address(peer, ...given), counted);
  });
}

test("a chain of trusted hops is read to its bound and no further", () => {
  const hops = (count: number) => Array(count).fill("10.0.0.2").join(", ");
  assert.equal(address("10.0.0.1", `1.1.1.1, ${hops(forwardedEntriesMax - 1)}`), "1.1.1.1");
  assert.equal(address("10.0.0.1", `1.1.1.1, ${hops(forwardedEntriesMax)}`), "10.0.0.2");
  assert.equal(address("10.0.0.1", "1.1.1.1", hops(forwardedEntriesMax)), "10.0.0.2");
  assert.equal(address("10.0.0.1", ",".repeat(100_000)), "10.0.0.1");
});

test("header names are compared in any case, and no other field is believed", () => {
  const out = new Uint32Array(4);
  const rawHeaders = [
    "X-Real-IP",
    "6.6.6.6",
    "Forwarded",
    "for=6.6.6.6",
    "x-FORWARDED-for",
    "1.1.1.1",
  ];
  clientAddress({ peer: "10.0.0.1", rawHeaders, trustedProxies }, out);
  assert.equal(formatAddress(out), "1.1.1.1");
  clientAddress({ peer: "10.0.0.1", rawHeaders: rawHeaders.slice(0, 4), trustedProxies }, out);
  assert.equal(formatAddress(out), "10.0.0.1");
});

test("what strangers write left of the first untrusted address never matters", () => {
  const rubbish = fc.string({ maxLength: 40 }).map((text) => text.replaceAll(",", ""));
  fc.assert(
    fc.property(fc.array(rubbish, { maxLength: 50 }), (left) => {
      assert.equal(address("10.0.0.1", [...left, "1.1.1.1", "10.0.0.2"].join(",")), "1.1.1.1");
    }),
  );
});
