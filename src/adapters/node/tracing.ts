/**
 * OpenTelemetry traces over OTLP, set up by the standard environment variables:
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 *
 * Imported only where traces are asked for, since it loads the SDK. A request's spans are made of its record when it is over; the first is begun
 * with it, so that the sampler decides once and the upstream hears what it said.
 */

import {
  type Context,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
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
export function openTracing(options: TracingOptions): Tracing {
  const { environment, region, process, log } = options;
  refuseOther(environment);
  let complainedMs = Number.NEGATIVE_INFINITY;
  const complain = (text: string): void => {
    const nowMs = performance.now();
    if (nowMs - complainedMs < complaintMs) return;
    complainedMs = nowMs;
    log.warn("traces could not be sent", { reason: text.slice(0, 200) });
  };
  const silent = (): void => {};
  diag.setLogger(
    { error: complain, warn: complain, info: silent, debug: silent, verbose: silent },
    DiagLogLevel.WARN,
  );
  const own = resourceFromAttributes({
    "service.name": "tallygate",
    "tallygate.region": region,
    "tallygate.process": process,
  });
  const said = detectResources({ detectors: [envDetector] });
  const provider = new TracerProvider({
    sampler: samplerOf(environment, log),
    resource: own.merge(said),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter(),
        ...batching(environment),
      }),
    ],
  });
  const observer = new SpanMaker(provider.getTracer("tallygate"));
  return {
    began: (record, exchange) => observer.began(record, exchange),
    ended: (record) => observer.ended(record),
    async close() {
      const bound = new Promise<void>((resolve) => setTimeout(resolve, closeMsMax).unref());
      await Promise.race([
        provider.shutdown().catch((cause: unknown) => complain(String(cause))),
        bound,
      ]);
    },
  };
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
function samplerOf(environment: Environment, log: Log): Sampler {
  const name = environment["OTEL_TRACES_SAMPLER"] || "parentbased_always_on";
  const root = name.replace(/^parentbased_/, "");
  const argument = environment["OTEL_TRACES_SAMPLER_ARG"] ?? "";
  const ratio = argument === "" ? 1 : Number(argument);
  const isRatio = ratio >= 0 && ratio <= 1;
  const made =
    root === "always_on"
      ? new AlwaysOnSampler()
      : root === "always_off"
        ? new AlwaysOffSampler()
        : root === "traceidratio" && isRatio
          ? new TraceIdRatioBasedSampler(ratio)
          : undefined;
  if (made === undefined) {
    log.warn("OTEL_TRACES_SAMPLER is not known; every trace is sampled", { name, argument });
  }
  const sampler = made ?? new AlwaysOnSampler();
  return name === root ? sampler : new ParentBasedSampler({ root: sampler });
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
    this.upstream = this.#maker.child(this, {
      name: "upstream",
      kind: SpanKind.CLIENT,
      fromMs: nowMs,
    });
    const { traceId, spanId, traceFlags } = this.upstream.spanContext();
    return { traceId, spanId, isSampled: (traceFlags & TraceFlags.SAMPLED) !== 0 };
  }
}

class SpanMaker implements CallObserver {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  began(record: AccessRecord, exchange: Parameters<CallObserver["began"]>[1]): void {
    const offsetMs = Date.now() - performance.now();
    const parent = record.parent(exchange);
    const span = this.#tracer.startSpan(
      record.method,
      { kind: SpanKind.SERVER, startTime: offsetMs + record.startedMs },
      parent === undefined ? ROOT_CONTEXT : below(parent),
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
    const context = trace.setSpan(ROOT_CONTEXT, of.span);
    return this.#tracer.startSpan(name, { kind, startTime: of.offsetMs + fromMs }, context);
  }

  ended(record: AccessRecord): void {
    const spans = record.trace as RequestSpans;
    const { span, offsetMs, upstream } = spans;
    const { startedMs, identifiedMs, decidedMs, storedMs, endedMs } = record;
    if (span.isRecording()) {
      this.#part(spans, "identify", [startedMs, identifiedMs]);
      this.#part(spans, "decide", [identifiedMs, decidedMs]);
      this.#part(spans, "journal", [decidedMs, storedMs]);
      span.setAttributes(attributesOf(record));
      if (record.route !== "") span.updateName(`${record.method} ${record.route}`);
      if (record.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    }
    upstream?.end(offsetMs + Math.min(endedMs, record.forwardedMs + record.elsewhereMs));
    span.end(offsetMs + endedMs);
  }

  #part(of: RequestSpans, name: string, [fromMs, toMs]: readonly [number, number]): void {
    if (fromMs === 0 || toMs === 0) return;
    this.child(of, { name, kind: SpanKind.INTERNAL, fromMs }).end(of.offsetMs + toMs);
  }
}

function below({ traceId, spanId, isSampled }: TraceParent): Context {
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
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
