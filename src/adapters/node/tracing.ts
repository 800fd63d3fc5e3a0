/**
 * OpenTelemetry traces over OTLP, set up by the standard environment variables:
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 *
 * The SDK is loaded only where traces are asked for. A request's spans are made of its record when it is over; the first is begun
 * with it, so that the sampler decides once and the upstream hears what it said.
 */

import type { Context, Span, SpanKind, Tracer } from "@opentelemetry/api";
import type { Sampler } from "@opentelemetry/sdk-trace";
import { TallygateError } from "../../base/errors.ts";
import type { AccessRecord, CallObserver, RequestTrace } from "../../gateway/access-record.ts";
import type { TraceParent } from "../../gateway/trace-context.ts";
import type { Log } from "../../ports/log.ts";
import type { Environment } from "./tracing-wanted.ts";

export interface TracingOptions {
  readonly environment: Environment;
  /** Of the resource, beside what the environment says. */
  readonly region: string;
  readonly process: number;
  readonly log: Log;
}

export interface Tracing extends CallObserver {
  /** Sends what is left, for a moment. */
  close(): Promise<void>;
}

/** A close waits this long for the collector. */
const closeMsMax = 2_000;

/** Between two lines of the log about traces that could not be sent. */
const complaintMs = 60_000;

/** Fails with `config-invalid` for what cannot be had. */
export async function openTracing(options: TracingOptions): Promise<Tracing> {
  const { environment, region, process, log } = options;
  refuseOther(environment);
  const { api, sdk, resources, otlp } = await load();
  let complainedMs = Number.NEGATIVE_INFINITY;
  const complain = (text: string): void => {
    const nowMs = performance.now();
    if (nowMs - complainedMs < complaintMs) return;
    complainedMs = nowMs;
    log.warn("traces could not be sent", { reason: text.slice(0, 200) });
  };
  const silent = (): void => {};
  api.diag.setLogger(
    { error: complain, warn: complain, info: silent, debug: silent, verbose: silent },
    api.DiagLogLevel.WARN,
  );
  const own = resources.resourceFromAttributes({
    "service.name": "tallygate",
    "tallygate.region": region,
    "tallygate.process": process,
  });
  const said = resources.detectResources({ detectors: [resources.envDetector] });
  const provider = new sdk.TracerProvider({
    sampler: samplerOf(environment, { sdk, log }),
    resource: own.merge(said),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: new otlp.OTLPTraceExporter(),
        ...batching(environment),
      }),
    ],
  });
  const observer = new SpanMaker(provider.getTracer("tallygate"), api);
  return {
    began: (record, exchange) => observer.began(record, exchange),
    ended: (record) => observer.ended(record),
    async close() {
      const bound = new Promise<void>((resolve) => setTimeout(resolve, closeMsMax).unref());
      await Promise.race([provider.shutdown().catch(complain), bound]);
    },
  };
}

interface Packages {
  readonly api: typeof import("@opentelemetry/api");
  readonly sdk: typeof import("@opentelemetry/sdk-trace");
  readonly resources: typeof import("@opentelemetry/resources");
  readonly otlp: typeof import("@opentelemetry/exporter-trace-otlp-proto");
}

async function load(): Promise<Packages> {
  try {
    const [api, sdk, resources, otlp] = await Promise.all([
      import("@opentelemetry/api"),
      import("@opentelemetry/sdk-trace"),
      import("@opentelemetry/resources"),
      import("@opentelemetry/exporter-trace-otlp-proto"),
    ]);
    return { api, sdk, resources, otlp };
  } catch (cause) {
    const detail = "OTEL_* asks for traces, and the optional packages @opentelemetry/* are missing";
    throw new TallygateError("config-invalid", detail, cause);
  }
}

function refuseOther(environment: Environment): void {
  const exporter = environment["OTEL_TRACES_EXPORTER"] ?? "";
  if (exporter !== "" && exporter !== "otlp") {
    throw new TallygateError("config-invalid", `OTEL_TRACES_EXPORTER: ${exporter}, expected otlp`);
  }
  const protocol =
    environment["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] ??
    environment["OTEL_EXPORTER_OTLP_PROTOCOL"] ??
    "";
  if (protocol !== "" && protocol !== "http/protobuf") {
    const detail = `OTEL_EXPORTER_OTLP_PROTOCOL: ${protocol}, expected http/protobuf`;
    throw new TallygateError("config-invalid", detail);
  }
}

/** OTEL_TRACES_SAMPLER; what the caller decided counts only for those that begin with `parentbased_`. */
function samplerOf(
  environment: Environment,
  { sdk, log }: { readonly sdk: Packages["sdk"]; readonly log: Log },
): Sampler {
  const name = environment["OTEL_TRACES_SAMPLER"] || "parentbased_always_on";
  const root = name.replace(/^parentbased_/, "");
  const argument = environment["OTEL_TRACES_SAMPLER_ARG"] ?? "";
  const ratio = argument === "" ? 1 : Number(argument);
  const isRatio = ratio >= 0 && ratio <= 1;
  const made =
    root === "always_on"
      ? new sdk.AlwaysOnSampler()
      : root === "always_off"
        ? new sdk.AlwaysOffSampler()
        : root === "traceidratio" && isRatio
          ? new sdk.TraceIdRatioBasedSampler(ratio)
          : undefined;
  if (made === undefined) {
    log.warn("OTEL_TRACES_SAMPLER is not known; every trace is sampled", { name, argument });
  }
  const sampler = made ?? new sdk.AlwaysOnSampler();
  return name === root ? sampler : new sdk.ParentBasedSampler({ root: sampler });
}

function batching(environment: Environment): Record<string, number> {
  const fields = {
    scheduledDelayMillis: "OTEL_BSP_SCHEDULE_DELAY",
    exportTimeoutMillis: "OTEL_BSP_EXPORT_TIMEOUT",
    maxQueueSize: "OTEL_BSP_MAX_QUEUE_SIZE",
    maxExportBatchSize: "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
  };
  const said: Record<string, number> = {};
  for (const [field, name] of Object.entries(fields)) {
    const value = Number(environment[name]);
    if (Number.isInteger(value) && value > 0) said[field] = value;
  }
  return said;
}

/** The API's own numbers, which are part of it. */
const internal = 0 as SpanKind;
const server = 1 as SpanKind;
const client = 2 as SpanKind;
const sampledFlag = 1;
const errorStatus = 2;

/** A request's spans. */
class RequestSpans implements RequestTrace {
  readonly span: Span;
  /** From the clock's monotonic time to the wall clock's, as of the request. */
  readonly offsetMs: number;
  upstream: Span | undefined;
  readonly #maker: SpanMaker;

  constructor(maker: SpanMaker, span: Span, offsetMs: number) {
    this.#maker = maker;
    this.span = span;
    this.offsetMs = offsetMs;
  }

  forwards(nowMs: number): TraceParent {
    this.upstream = this.#maker.child(this, { name: "upstream", kind: client, fromMs: nowMs });
    const { traceId, spanId, traceFlags } = this.upstream.spanContext();
    return { traceId, spanId, isSampled: (traceFlags & sampledFlag) !== 0 };
  }
}

class SpanMaker implements CallObserver {
  readonly #tracer: Tracer;
  readonly #api: Packages["api"];

  constructor(tracer: Tracer, api: Packages["api"]) {
    this.#tracer = tracer;
    this.#api = api;
  }

  began(record: AccessRecord, exchange: Parameters<CallObserver["began"]>[1]): void {
    const offsetMs = Date.now() - performance.now();
    const parent = record.parent(exchange);
    const span = this.#tracer.startSpan(
      record.method,
      { kind: server, startTime: offsetMs + record.startedMs },
      parent === undefined ? this.#api.ROOT_CONTEXT : this.#below(parent),
    );
    record.trace = new RequestSpans(this, span, offsetMs);
  }

  child(
    of: RequestSpans,
    {
      name,
      kind,
      fromMs,
    }: { readonly name: string; readonly kind: SpanKind; readonly fromMs: number },
  ): Span {
    const context = this.#api.trace.setSpan(this.#api.ROOT_CONTEXT, of.span);
    return this.#tracer.startSpan(name, { kind, startTime: of.offsetMs + fromMs }, context);
  }

  ended(record: AccessRecord): void {
    const trace = record.trace as RequestSpans;
    const { span, offsetMs, upstream } = trace;
    const { startedMs, identifiedMs, decidedMs, storedMs, endedMs } = record;
    if (span.isRecording()) {
      this.#part(trace, "identify", [startedMs, identifiedMs]);
      this.#part(trace, "decide", [identifiedMs, decidedMs]);
      this.#part(trace, "journal", [decidedMs, storedMs]);
      span.setAttributes(attributesOf(record));
      if (record.route !== "") span.updateName(`${record.method} ${record.route}`);
      if (record.status >= 500) span.setStatus({ code: errorStatus });
    }
    upstream?.end(offsetMs + Math.min(endedMs, record.forwardedMs + record.elsewhereMs));
    span.end(offsetMs + endedMs);
  }

  #part(of: RequestSpans, name: string, [fromMs, toMs]: readonly [number, number]): void {
    if (fromMs === 0 || toMs === 0) return;
    this.child(of, { name, kind: internal, fromMs }).end(of.offsetMs + toMs);
  }

  #below({ traceId, spanId, isSampled }: TraceParent): Context {
    const traceFlags = isSampled ? sampledFlag : 0;
    const { ROOT_CONTEXT, trace } = this.#api;
    return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
  }
}

function attributesOf(record: AccessRecord): Record<string, string | number> {
  return {
    "http.request.method": record.method,
    "http.response.status_code": record.status,
    "http.route": record.route,
    "url.path": record.path,
    "client.address": record.address,
    "tallygate.request_id": record.requestId,
    "tallygate.plan": record.plan,
    "tallygate.key": record.key,
    "tallygate.outcome": record.outcome,
  };
}
