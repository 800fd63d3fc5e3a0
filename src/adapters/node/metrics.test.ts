import assert from "node:assert/strict";
import { test } from "node:test";
import { metricChildrenMax, nodeMetrics } from "./metrics.ts";

const samples = (text: string): string[] =>
  text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

test("counters and gauges are exposed with their labels, in the Prometheus text form", async () => {
  const metrics = nodeMetrics({ labels: { region: "seoul" } });
  const requests = metrics.counter({
    name: "tallygate_requests_total",
    help: "Calls",
    labels: ["route", "outcome"],
  });
  const admitted = requests.child("/{ip}", "admitted");
  admitted.add(2);
  admitted.add(3);
  requests.child("/{ip}", 'a "quoted"\nvalue').add(1);
  metrics.gauge({ name: "tallygate_view_age_seconds", help: "Age" }).child().set(0.25);
  const text = await metrics.expose();
  assert.match(
    text,
    /# HELP tallygate_requests_total Calls\n# TYPE tallygate_requests_total counter/,
  );
  assert.deepEqual(samples(text), [
    'tallygate_requests_total{route="/{ip}",outcome="admitted",region="seoul"} 5',
    'tallygate_requests_total{route="/{ip}",outcome="a \\"quoted\\"\\nvalue",region="seoul"} 1',
    'tallygate_view_age_seconds{region="seoul"} 0.25',
  ]);
});

test("a histogram's buckets are cumulative, upper bounds included", async () => {
  const metrics = nodeMetrics();
  const lag = metrics
    .histogram({ name: "lag_seconds", help: "Lag", buckets: [0.1, 1, 10], labels: ["to"] })
    .child("seoul");
  for (const value of [0, 0.1, 0.11, 1, 10, 10.5, 1000]) lag.observe(value);
  assert.deepEqual(samples(await metrics.expose()), [
    'lag_seconds_bucket{le="0.1",to="seoul"} 2',
    'lag_seconds_bucket{le="1",to="seoul"} 4',
    'lag_seconds_bucket{le="10",to="seoul"} 5',
    'lag_seconds_bucket{le="+Inf",to="seoul"} 7',
    'lag_seconds_sum{to="seoul"} 1021.71',
    'lag_seconds_count{to="seoul"} 7',
  ]);
});

test("the same labels give the same child", async () => {
  const metrics = nodeMetrics();
  const family = metrics.counter({ name: "n", help: "n", labels: ["a", "b"] });
  assert.equal(family.child("x", "y"), family.child("x", "y"));
  assert.notEqual(family.child("x,y", ""), family.child("x", "y"));
});

test("children beyond the bound share one", async () => {
  const metrics = nodeMetrics();
  const family = metrics.counter({ name: "n", help: "n", labels: ["a"] });
  for (let i = 0; i < metricChildrenMax; i++) family.child(String(i)).add(1);
  family.child("beyond").add(1);
  family.child("further").add(1);
  family.child("7").add(1);
  const lines = samples(await metrics.expose());
  assert.equal(lines.length, metricChildrenMax + 1);
  assert.ok(lines.includes('n{a="other"} 2'));
  assert.ok(lines.includes('n{a="7"} 2'));
});

test("collectors run before each exposition", async () => {
  const metrics = nodeMetrics();
  const gauge = metrics.gauge({ name: "depth", help: "Depth" }).child();
  let depth = 1;
  metrics.onCollect(() => gauge.set(depth));
  assert.deepEqual(samples(await metrics.expose()), ["depth 1"]);
  depth = 2;
  assert.deepEqual(samples(await metrics.expose()), ["depth 2"]);
});

test("a wrong use is a bug: name taken twice, labels missing, buckets that do not rise", () => {
  const metrics = nodeMetrics();
  const family = metrics.counter({ name: "n", help: "n", labels: ["a"] });
  assert.throws(() => metrics.gauge({ name: "n", help: "n" }), /registered twice/);
  assert.throws(() => family.child(), /labels expected/);
  assert.throws(() => metrics.histogram({ name: "h", help: "h", buckets: [1, 1] }), /rise/);
});

test("process metrics come on request", async () => {
  assert.match(await nodeMetrics({ processMetrics: true }).expose(), /process_cpu_seconds_total/);
});
