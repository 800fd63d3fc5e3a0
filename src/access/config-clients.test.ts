import assert from "node:assert/strict";
import { test } from "node:test";
import { compileConfigValue } from "./config.ts";

const limit = { name: "day", per: "ip", quota: 1_500, window: "day" };

function compile(clients: unknown, limits: unknown = [limit]) {
  return compileConfigValue(
    {
      version: 1,
      regions: { sydney: { listen: "127.0.0.1:8081" } },
      ...(clients !== undefined && { clients }),
      plans: { anonymous: { limits } },
      anonymousPlan: "anonymous",
      routes: [{ path: "/*", handler: "./handler.ts" }],
    },
    { file: "/etc/tallygate.yaml", fileExists: () => true },
  );
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
