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

test("the only address of an upstream is never taken out of service by failures, unless the file says so", () => {
  const never = Number.POSITIVE_INFINITY;
  const cases: [Record<string, unknown>, number][] = [
    [{ targets: [one] }, never],
    [{ targets: ["http://[2001:db8::1]:8080"] }, never],
    [{ targets: [{ url: one, weight: 5 }] }, never],
    [{ targets: [one], ejection: { failures: 2 } }, 2],
    [{ targets: [one], ejection: { time: "5s" } }, never],
    [{ targets: [one, "http://10.0.0.2"] }, 3],
    [{ targets: ["http://shop.example.com"] }, 3],
    [{ targets: [one], fallback: "other" }, 3],
    [{ targets: [one], regions: { seoul: ["http://10.0.0.3"] } }, 3],
  ];
  for (const [upstream, failures] of cases) {
    assert.equal(compiled(upstream).health.failuresMax, failures, JSON.stringify(upstream));
  }
});
