import assert from "node:assert/strict";
import { test } from "node:test";
import type { CompiledConfig } from "./compiled-config.ts";
import { compileConfigValue } from "./config.ts";
import { changeConfig, rulesVersion } from "./config-change.ts";

const sydney = { listen: "127.0.0.1:8081" };
const limit = { name: "day", per: "key", quota: 10, window: "day" };
const base = {
  version: 1,
  regions: { sydney, seoul: { listen: "127.0.0.1:8082" } },
  plans: { free: { limits: [limit] } },
  routes: [{ path: "/", handler: "./a.ts" }],
};

function compiled(change: object = {}): CompiledConfig {
  const options = { file: "tallygate.yaml", fileExists: () => true };
  const result = compileConfigValue({ ...base, ...change }, options);
  assert.ok("config" in result, JSON.stringify(result));
  return result.config;
}

const cases: [string, object, "hub" | "gateway", string[]][] = [
  ["plans", { plans: { free: { limits: [{ ...limit, quota: 11 }] } } }, "hub", []],
  ["plans", { plans: { free: { limits: [{ ...limit, quota: 11 }] } } }, "gateway", []],
  ["routes", { routes: [{ path: "/new", handler: "./a.ts" }] }, "gateway", []],
  ["keys", { keys: { prefix: "new", from: ["bearer"] } }, "hub", []],
  ["clients", { clients: { ipv6Prefix: 56 } }, "gateway", []],
  ["hub", { hub: { listen: "127.0.0.1:9000" } }, "hub", ["hub"]],
  ["hub", { hub: { listen: "127.0.0.1:9000" } }, "gateway", ["hub"]],
  ["durability", { durability: "disk" }, "gateway", ["durability"]],
  ["durability", { durability: "disk" }, "hub", []],
  ["journal", { journal: { flushInterval: "20ms" } }, "gateway", ["journal"]],
  ["stream", { stream: { retention: "1d" } }, "hub", ["stream"]],
  ["stream", { stream: { retention: "1d" } }, "gateway", []],
  [
    "own region",
    { regions: { sydney: { ...sydney, operations: "127.0.0.1:8881" }, seoul: base.regions.seoul } },
    "gateway",
    ["regions.sydney"],
  ],
  ["another region", { regions: { sydney, tokyo: { listen: "127.0.0.1:8083" } } }, "gateway", []],
];

for (const [what, change, kind, waiting] of cases) {
  test(`of a changed ${what} a ${kind} ${waiting.length === 0 ? "takes all" : "keeps what it has opened"}`, () => {
    const role = kind === "hub" ? { kind } : { kind, region: "sydney" };
    const changed = changeConfig(compiled(), compiled(change), role);
    assert.ok("config" in changed);
    assert.deepEqual(changed.waiting, waiting);
    const again = changeConfig(changed.config, compiled(change), role);
    assert.ok("config" in again);
    assert.deepEqual(again.waiting, waiting, "it is told until the next start");
  });
}

test("a configuration without a gateway's region is refused by it", () => {
  const changed = changeConfig(compiled(), compiled({ regions: { sydney } }), {
    kind: "gateway",
    region: "seoul",
  });
  assert.ok("problem" in changed);
  assert.match(changed.problem, /seoul/);
});

test("the version is that of the rules: the same on hosts with other addresses and files", () => {
  const version = rulesVersion(compiled());
  assert.match(version, /^[0-9a-f]{12}$/);
  assert.equal(rulesVersion(compiled({ routes: [{ path: "/", handler: "./b.ts" }] })), version);
  assert.equal(rulesVersion(compiled({ regions: { sydney } })), version);
  const others = [
    { plans: { free: { limits: [{ ...limit, quota: 11 }] } } },
    { routes: [{ path: "/", handler: "./a.ts", cost: 2 }] },
    { keys: { from: ["bearer"] } },
  ];
  for (const change of others) assert.notEqual(rulesVersion(compiled(change)), version);
});
