import assert from "node:assert/strict";
import { test } from "node:test";
import { addressGroup } from "./address-group.ts";
import type { CompiledConfig } from "./compiled-config.ts";
import { compileConfigValue } from "./config.ts";
import { listenerDefaults } from "./config-door.ts";

function compiled(listener?: object, clients?: object): CompiledConfig | readonly string[] {
  const value = {
    version: 1,
    regions: { sydney: { listen: "127.0.0.1:8081" } },
    plans: { free: { limits: [] } },
    routes: [{ path: "/", handler: "./a.ts" }],
    ...(listener && { listener }),
    ...(clients && { clients }),
  };
  const result = compileConfigValue(value, { file: "/c.yaml", fileExists: () => true });
  return "config" in result ? result.config : result.problems.map(({ message }) => message);
}

test("a configuration that says nothing of the listener has safe limits", () => {
  const config = compiled() as CompiledConfig;
  assert.deepEqual(config.listener, listenerDefaults);
  assert.deepEqual((compiled({}) as CompiledConfig).listener, listenerDefaults);
});

test("each limit of the listener is taken at its bounds and refused beyond them", () => {
  const table: [field: string, inside: readonly unknown[], beyond: readonly unknown[]][] = [
    ["headTimeout", ["100ms", "1h"], ["99ms", "61m", 5]],
    ["bodyTimeout", ["100ms", "1h"], ["99ms", "61m"]],
    ["replyTimeout", ["100ms", "1h"], ["99ms", "61m"]],
    ["rateMin", [0, 1_000_000_000], [-1, 1_000_000_001, 0.5]],
    ["requestTimeout", ["100ms", "24h"], ["99ms", "25h"]],
    ["idleTimeout", ["1s", "1h"], ["999ms", "61m"]],
    ["headMax", ["1KiB", "1MiB"], ["1023B", "1025KiB"]],
    ["fieldsMax", [1, 1_000], [0, 1_001]],
    ["targetMax", ["64B", "16KiB"], ["63B", "17KiB"]],
    ["bodyMax", ["0B", "1TiB"], ["1025GiB", -1]],
    ["connectionsMax", [1, 1_000_000], [0, 1_000_001]],
    ["connectionsPerAddressMax", [1, 1_000_000], [0]],
    ["requestsPerConnectionMax", [1, 1_000_000_000], [0]],
  ];
  for (const [field, inside, beyond] of table) {
    for (const value of inside) {
      const config = compiled({ [field]: value });
      assert.ok("listener" in config, `${field}: ${String(value)}: ${JSON.stringify(config)}`);
    }
    for (const value of beyond) {
      const problems = compiled({ [field]: value }) as readonly string[];
      assert.match(String(problems[0]), new RegExp(`listener\\.${field}.*expected`), String(value));
    }
  }
});

test("connections are counted by the prefix of anonymous calls, those of trusted proxies not at all", () => {
  const clients = { trustedProxies: ["10.0.0.0/8"] };
  const config = compiled(undefined, clients) as CompiledConfig;
  const groupOf = (peer: string) => addressGroup(peer, config.clients);
  assert.equal(groupOf("::ffff:192.0.2.7"), groupOf("192.0.2.7"));
  assert.notEqual(groupOf("192.0.2.7"), groupOf("192.0.2.8"));
  assert.equal(groupOf("2001:db8:1:2::1"), groupOf("2001:db8:1:2:ffff::9"));
  assert.notEqual(groupOf("2001:db8:1:2::1"), groupOf("2001:db8:1:3::1"));
  assert.equal(groupOf("10.1.2.3"), "");
  assert.equal(groupOf(""), "");
});
