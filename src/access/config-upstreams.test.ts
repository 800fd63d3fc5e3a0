import assert from "node:assert/strict";
import { test } from "node:test";
import type { UpstreamConfig } from "./compiled-config.ts";
import { compileConfigValue } from "./config.ts";

function compiled(upstream: Record<string, unknown>): UpstreamConfig {
  const made = compileConfigValue(
    {
      version: 1,
      regions: { sydney: { listen: "127.0.0.1:8081" }, seoul: { listen: "127.0.0.1:8082" } },
      plans: { free: { limits: [] } },
      upstreams: { shop: upstream, other: { targets: ["http://10.0.0.9"] } },
      routes: [{ path: "/*", upstream: "shop" }],
    },
    { file: "/etc/tallygate.yaml", fileExists: () => true },
  );
  assert.ok("config" in made, JSON.stringify(made));
  const found = made.config.upstreams.find(({ name }) => name === "shop");
  assert.ok(found !== undefined);
  return found;
}

const one = "http://10.0.0.1";

test("an only address is spared unless there is a fallback, or the file says how many failures are too many", () => {
  const cases: [Record<string, unknown>, boolean][] = [
    [{ targets: [one] }, true],
    [{ targets: [one], ejection: { time: "5s" } }, true],
    [{ targets: [one], ejection: { failures: 3 } }, false],
    [{ targets: [one], fallback: "other" }, false],
  ];
  for (const [upstream, spared] of cases) {
    const { sparesOnlyAddress, health } = compiled(upstream);
    assert.equal(sparesOnlyAddress, spared, JSON.stringify(upstream));
    assert.equal(health.failuresMax, 3);
  }
});
