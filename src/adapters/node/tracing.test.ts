import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { type OtlpSink, startOtlpSink } from "../../../test/support/otlp-sink.ts";
import { TallygateError } from "../../base/errors.ts";
import { AccessRecord } from "../../gateway/access-record.ts";
import { FakeExchange } from "../../gateway/testing/fake-exchange.ts";
import type { Log } from "../../ports/log.ts";
import { nodeClock } from "./clock.ts";
import { openTracing, type Tracing } from "./tracing.ts";
import { type Environment, wantsTraces } from "./tracing-wanted.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const callerSpan = "00f067aa0ba902b7";
const warned: string[] = [];
const log: Log = { info() {}, warn: (message) => void warned.push(message), error() {} };

let sink: OtlpSink;
before(async () => {
  sink = await startOtlpSink();
  // Read by the exporter itself.
  process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = sink.url;
});
beforeEach(() => {
  (sink.spans as unknown[]).length = 0;
});
after(async () => {
  delete process.env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  await sink.stop();
});

function open(environment: Environment = {}): Tracing {
  return openTracing({ environment, region: "sydney", process: 0, log });
}

/** One proxied request from its begin to its end; what the upstream was told. */
function request(tracing: Tracing, headers: readonly string[] = []): string {
  const exchange = new FakeExchange({ target: "/users/7?api-key=secret", headers: [...headers] });
  const startedMs = nodeClock.monotonicMs();
  const of = { exchange, requestId: "r-1", startedMs, clock: nodeClock };
  const record = new AccessRecord(tracing, of);
  record.identifiedMs = startedMs + 1;
  record.decidedMs = startedMs + 2;
  record.storedMs = startedMs + 3;
  const told = record.forwards();
  const bytes = 5;
  record.ended({
    ...{ status: 200, outcome: "admitted", route: "/users/{id}", plan: "pro", bytes },
    elsewhereMs: 4,
  });
  return told;
}

test("a request is a span of the caller's trace, its parts below it, the upstream's below that", async () => {
  const tracing = open();
  const told = request(tracing, ["traceparent", `00-${traceId}-${callerSpan}-01`]);
  await tracing.close();
  const by = new Map(sink.spans.map((span) => [span.name, span]));
  assert.deepEqual([...by.keys()].sort(), [
    "GET /users/{id}",
    "decide",
    "identify",
    "journal",
    "upstream",
  ]);
  const root = by.get("GET /users/{id}");
  assert.equal(root?.parentId, callerSpan);
  for (const span of sink.spans) {
    assert.equal(span.traceId, traceId);
    assert.ok(span.endNs >= span.startNs, span.name);
    if (span !== root) assert.equal(span.parentId, root?.spanId);
  }
  assert.equal(told, `00-${traceId}-${by.get("upstream")?.spanId}-01`);
  assert.equal(root?.attributes["url.path"], "/users/7");
  assert.equal(root?.attributes["http.response.status_code"], 200);
});

test("a trace begins here where the caller has none, or one that is not valid", async () => {
  const tracing = open();
  request(tracing, ["traceparent", "00-nonsense"]);
  await tracing.close();
  assert.equal(sink.spans.find(({ name }) => name.startsWith("GET"))?.parentId, "");
});

/** The sampler, what the caller's trace says, and whether the request is sampled. */
const samplers: [string | undefined, string, "00" | "01", boolean][] = [
  [undefined, "", "01", true],
  [undefined, "", "00", false],
  ["always_on", "", "00", true],
  ["always_off", "", "01", false],
  ["traceidratio", "0", "01", false],
  ["traceidratio", "1", "00", true],
  ["parentbased_traceidratio", "0", "01", true],
  ["parentbased_always_off", "", "01", true],
];

for (const [name, argument, flags, isSampled] of samplers) {
  test(`${name ?? "no sampler"} ${argument} with a caller's ${flags}: ${isSampled ? "sampled" : "not sampled"}`, async () => {
    const tracing = open({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument });
    const told = request(tracing, ["traceparent", `00-${traceId}-${callerSpan}-${flags}`]);
    await tracing.close();
    assert.equal(sink.spans.length > 0, isSampled);
    assert.equal(told.slice(-2), isSampled ? "01" : "00");
  });
}

test("traces are wanted where an endpoint or exporter says so, and the SDK is not disabled", () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };
  assert.equal(wantsTraces({}), false);
  assert.equal(wantsTraces(endpoint), true);
  assert.equal(wantsTraces({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://127.0.0.1/t" }), true);
  assert.equal(wantsTraces({ OTEL_TRACES_EXPORTER: "otlp" }), true);
  assert.equal(wantsTraces({ ...endpoint, OTEL_TRACES_EXPORTER: "none" }), false);
  assert.equal(wantsTraces({ ...endpoint, OTEL_SDK_DISABLED: "true" }), false);
});

test("an exporter or protocol that is not there is one clear sentence; an unknown sampler is told", async () => {
  for (const environment of [
    { OTEL_TRACES_EXPORTER: "zipkin" },
    { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
  ]) {
    assert.throws(
      () => open(environment),
      (error) => error instanceof TallygateError,
    );
  }
  const tracing = open({ OTEL_TRACES_SAMPLER: "sometimes" });
  await tracing.close();
  assert.ok(warned.some((message) => message.includes("OTEL_TRACES_SAMPLER")));
});
