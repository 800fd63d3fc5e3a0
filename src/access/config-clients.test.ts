import assert from "node:assert/strict";
import { test } from "node:test";
import { compileConfigValue } from "./config.ts";
import { parseAddress } from "./ip-address.ts";

const limit = { name: "day", per: "ip", quota: 1_500, window: "day" };

const files: Readonly<Record<string, string>> = {
  "/etc/deny.txt": "# from the abuse desk\n203.0.113.7 # since May\n\n2001:db8:bad::/48\r\n",
  "/etc/wrong.txt": "10.0.0.0/8\n<html>\n",
  "/etc/empty.txt": "# nobody\n",
};

function compile(clients: unknown, limits: unknown = [limit]) {
  return compileConfigValue(value(clients, limits), {
    file: "/etc/tallygate.yaml",
    fileExists: () => true,
    readText: (path) => files[path],
  });
}

function value(clients: unknown, limits: unknown = [limit]): unknown {
  return {
    version: 1,
    regions: { sydney: { listen: "127.0.0.1:8081" } },
    ...(clients !== undefined && { clients }),
    plans: { anonymous: { limits } },
    anonymousPlan: "anonymous",
    routes: [{ path: "/*", handler: "./handler.ts" }],
  };
}

function ceilings(clients: unknown, limits?: unknown): Record<string, number> {
  const result = compile(clients, limits);
  assert.ok("config" in result, JSON.stringify(result));
  const { plans } = result.config;
  return Object.fromEntries(plans[0]?.limits.map(({ name, quota }) => [name, quota]) ?? []);
}

test("a limit per address comes with ceilings for /56 and /48, unless they are switched off", () => {
  assert.deepEqual(ceilings(undefined), { day: 1_500, "day/56": 6_000, "day/48": 24_000 });
  assert.deepEqual(ceilings({ ipv6Aggregates: [] }), { day: 1_500 });
  assert.deepEqual(ceilings({ ipv6Prefix: 56 }), { day: 1_500, "day/48": 24_000 });
  assert.deepEqual(ceilings({ ipv6Prefix: 48 }), { day: 1_500 });
  const own = { ipv6Aggregates: [{ prefix: 32, times: 100 }] };
  assert.deepEqual(ceilings(own), { day: 1_500, "day/32": 150_000 });
});

test("a ceiling has window, scope and enforcement of its limit; other limits have none", () => {
  const burst = { name: "burst", per: "ip", quota: 20, window: "second", enforcement: "shadow" };
  const site = { name: "site", per: "referer", quota: 9, window: "day" };
  const result = compile({ ipv6Aggregates: [{ prefix: 48, times: 2 }] }, [burst, site]);
  assert.ok("config" in result);
  const plan = result.config.plans[0];
  assert.deepEqual(
    plan?.limits.map(({ name }) => name),
    ["burst", "site", "burst/48"],
  );
  const ceiling = plan?.limits[2];
  const counter = plan?.counters[ceiling?.counter ?? -1];
  assert.deepEqual(
    [ceiling?.enforcement, ceiling?.missing, counter?.per, counter?.window.text, counter?.scope],
    ["shadow", "skip", "ip/48", "second", "region"],
  );
});

test("the shared counter's quota is that of a thousand callers unless said otherwise", () => {
  for (const [clients, expected] of [
    [undefined, 1_500_000],
    [{ sharedTimes: 1 }, 1_500],
  ] as const) {
    const result = compile(clients);
    assert.ok("config" in result);
    assert.equal(result.config.plans[0]?.limits[0]?.sharedQuota, expected);
    assert.equal(result.config.clients.addressesMax, 10_000_000);
  }
});

test("addresses of a file and of the list are one list", () => {
  const result = compile({ denyFile: "./deny.txt", deny: ["198.51.100.0/24"] });
  assert.ok("config" in result, JSON.stringify(result));
  const { lists } = result.config.clients;
  const isDenied = (text: string): boolean | undefined => {
    const words = new Uint32Array(4);
    assert.ok(parseAddress(text, words));
    return lists?.isDenied(words);
  };
  const denied = ["203.0.113.7", "2001:db8:bad:1::", "198.51.100.9"];
  assert.deepEqual(denied.map(isDenied), [true, true, true]);
  assert.equal(isDenied("203.0.113.8"), false);
});

test("a list of a hundred thousand blocks is compiled and searched at once", () => {
  const lines = Array.from({ length: 100_000 }, (_, i) =>
    `10.${i >> 8}.${i & 255}.0/25`.replace(
      /^10\.(\d+)/,
      (_all, n) => `${10 + (Number(n) >> 8)}.${Number(n) & 255}`,
    ),
  );
  const startedMs = performance.now();
  const result = compileConfigValue(value({ denyFile: "many.txt" }), {
    file: "/etc/c.yaml",
    fileExists: () => true,
    readText: () => lines.join("\n"),
  });
  assert.ok("config" in result);
  assert.ok(performance.now() - startedMs < 5_000);
  const words = new Uint32Array(4);
  assert.ok(parseAddress("10.3.200.5", words));
  assert.equal(result.config.clients.lists?.isDenied(words), true);
  assert.ok(parseAddress("10.3.200.205", words));
  assert.equal(result.config.clients.lists?.isDenied(words), false);
});

const refused: readonly [string, unknown, unknown?][] = [
  ["fewer bits than ipv6Prefix (64)", { ipv6Aggregates: [{ prefix: 64, times: 2 }] }],
  [
    "each prefix once",
    {
      ipv6Aggregates: [
        { prefix: 48, times: 2 },
        { prefix: 48, times: 3 },
      ],
    },
  ],
  ["a whole number from 16 to 127", { ipv6Aggregates: [{ prefix: 8, times: 2 }] }],
  ["a whole number from 1,000 to 1,000,000,000", { addressesMax: 999 }],
  ["an IPv4 or IPv6 address, or a block", { deny: ["example.com"] }],
  ['found line 2: "<html>", expected an IPv4', { denyFile: "wrong.txt" }],
  ["a file with an address in it", { allowFile: "empty.txt" }],
  ["a file that can be read", { allowFile: "missing.txt" }],
  ["1s to 1d", { block: { after: 20, for: "25h" } }],
  ["a whole number from 20 to 60,000", { block: { after: 19, for: "1h" } }],
  ["no ceiling", undefined, [limit, { ...limit, name: "day/48", per: "referer" }]],
  [
    "at most 32 limits",
    undefined,
    Array.from({ length: 11 }, (_, i) => ({ ...limit, name: `l${i}`, quota: i + 1 })),
  ],
];

for (const [expected, clients, limits] of refused) {
  test(`refused: ${expected}`, () => {
    const result = compile(clients, limits);
    assert.ok("problems" in result);
    assert.ok(
      result.problems.some(({ message }) => message.includes(expected)),
      JSON.stringify(result),
    );
  });
}
