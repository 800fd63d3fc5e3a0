import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeMetrics } from "./metrics.ts";
import { listenOperations } from "./operations-listener.ts";

test("live, ready and metrics tell the truth", async (t) => {
  const metrics = nodeMetrics();
  metrics.counter({ name: "tallygate_test_total", help: "Test." }).child().add(3);
  let reason = "starting";
  const listener = await listenOperations({
    host: "127.0.0.1",
    port: 0,
    metrics,
    unready: () => reason,
  });
  t.after(() => listener.stop());
  const ask = async (path: string, method = "GET"): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${listener.port}${path}`, { method });
    return [response.status, (await response.text()).trim()];
  };
  assert.deepEqual(await ask("/health/live"), [200, "live"]);
  assert.deepEqual(await ask("/health/ready"), [503, "starting"]);
  reason = "";
  assert.deepEqual(await ask("/health/ready?x=1"), [200, "ready"]);
  const [status, text] = await ask("/metrics");
  assert.equal(status, 200);
  assert.match(text, /^tallygate_test_total 3$/m);
  assert.deepEqual(await ask("/other"), [404, "not found"]);
  assert.equal((await ask("/metrics", "POST"))[0], 405);
  const taken = { host: "127.0.0.1", port: listener.port, metrics, unready: () => "" };
  await assert.rejects(listenOperations(taken), { code: "port-in-use" });
});
