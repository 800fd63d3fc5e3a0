import assert from "node:assert/strict";
import { test } from "node:test";
import { addressKind, hostOf, mayConnect } from "./upstream-address.ts";

const kinds: [string, string][] = [
  ["8.8.8.8", "public"],
  ["2606:4700::1111", "public"],
  ["127.0.0.1", "loopback"],
  ["127.8.8.8", "loopback"],
  ["::1", "loopback"],
  ["::ffff:127.0.0.1", "loopback"],
  ["10.1.2.3", "private"],
  ["172.16.0.1", "private"],
  ["172.32.0.1", "public"],
  ["192.168.0.1", "private"],
  ["100.64.0.1", "private"],
  ["fd12::1", "private"],
  ["::ffff:10.0.0.1", "private"],
  ["169.254.169.254", "forbidden"],
  ["::ffff:169.254.169.254", "forbidden"],
  ["fd00:ec2::254", "forbidden"],
  ["100.100.100.200", "forbidden"],
  ["fe80::1", "forbidden"],
  ["0.0.0.0", "forbidden"],
  ["::", "forbidden"],
  ["224.0.0.1", "forbidden"],
  ["255.255.255.255", "forbidden"],
  ["64:ff9b::7f00:1", "forbidden"],
  ["2002:7f00:1::", "forbidden"],
  ["::7f00:1", "forbidden"],
  ["2130706433", "not-an-address"],
  ["0177.0.0.1", "not-an-address"],
  ["users.internal", "not-an-address"],
];

test("every kind of address is known for what it is", () => {
  for (const [address, kind] of kinds) assert.equal(addressKind(address), kind, address);
});

const names: [string, string, boolean, boolean][] = [
  ["api.example.com", "8.8.8.8", false, true],
  ["api.example.com", "10.0.0.1", false, false],
  ["api.example.com", "10.0.0.1", true, true],
  ["api.example.com", "127.0.0.1", false, false],
  ["api.example.com", "127.0.0.1", true, true],
  ["api.example.com", "169.254.169.254", true, false],
  ["localhost", "127.0.0.1", false, true],
  ["a.localhost", "::1", false, true],
  ["localhost", "8.8.8.8", true, false],
  ["localhost", "10.0.0.1", true, false],
];

test("a name may stand for public addresses, for others only with permission, for metadata never", () => {
  for (const [name, address, allowPrivate, expected] of names) {
    assert.equal(mayConnect(name, address, allowPrivate), expected, `${name} ${address}`);
  }
});

test("odd ways to write an address are read as the address that they are", () => {
  assert.equal(hostOf("http://2130706433:80"), "127.0.0.1");
  assert.equal(hostOf("http://0251.0376.0251.0376"), "169.254.169.254");
  assert.equal(hostOf("http://[::1]:80"), "::1");
});
