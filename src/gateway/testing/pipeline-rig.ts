/** A pipeline without sockets, threads and time: everything it touches is in the test's hands. */

import { formatApiKey, hashApiKey } from "../../access/api-key.ts";
import type { CompiledConfig } from "../../access/compiled-config.ts";
import { compileConfigValue } from "../../access/config.ts";
import { encodeKeyRecord, type KeyRecord, unrestricted } from "../../access/key-record.ts";
import { keyTable } from "../../access/key-table.ts";
import { assert } from "../../base/assert.ts";
import { hashKeyFromHex } from "../../base/hash.ts";
import { HeldCounters } from "../../limits/held-counters.ts";
import { WindowTables } from "../../limits/window-tables.ts";
import type { Handler, HandlerHost, ResponseParts } from "../../ports/handler.ts";
import type { LogFields } from "../../ports/log.ts";
import type { Metrics } from "../../ports/metrics.ts";
import type {
  UpstreamCall,
  UpstreamClient,
  UpstreamRequest,
  UpstreamSink,
} from "../../ports/upstream.ts";
import type { CallObserver } from "../access-record.ts";
import { Meter } from "../meter.ts";
import { OwnCharges } from "../own-charges.ts";
import { Pipeline } from "../pipeline.ts";
import type { CallMeter } from "../pipeline-parts.ts";
import { RefusalTally } from "../refusal-tally.ts";
import type { LeaseDemand } from "../tended-counter.ts";
import { FakeExchange, type FakeRequest } from "./fake-exchange.ts";
import { MemoryJournal } from "./memory-journal.ts";

/** 2026-11-21T12:00:00Z */
export const noonMs = Date.UTC(2026, 10, 21, 12, 0, 0);

const hashKey = hashKeyFromHex("000102030405060708090a0b0c0d0e0f");

/** What the fake upstream was asked, and how to answer. */
export interface Forwarded extends UpstreamCall {
  attempted: boolean;
  readonly request: UpstreamRequest;
  readonly sink: UpstreamSink;
  isPaused: boolean;
  isCancelled: boolean;
}

export interface RigOptions {
  /** Merged over a small configuration; see `baseConfig`. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** By file name as the configuration writes it. */
  readonly handlers?: Readonly<Record<string, Handler>>;
  /** Instead of the fake one. */
  readonly upstreams?: UpstreamClient;
  /** What answers routes with `files`. */
  readonly files?: HandlerHost["files"];
  /** Instead of a real one with a journal in memory. */
  readonly meter?: CallMeter;
  readonly observer?: CallObserver;
}

const baseConfig = {
  version: 1,
  hub: { listen: "127.0.0.1:8080" },
  regions: { sydney: { listen: "127.0.0.1:8081", operations: "127.0.0.1:8181" } },
  keys: { prefix: "ipd", from: ["header:x-api-key", "bearer", "query:api-key"] },
  signup: "https://example.com/signup",
  plans: {
    anonymous: { limits: [{ name: "day", per: "ip", quota: 3, window: "day" }] },
    pro: {
      limits: [
        { name: "day", per: "key", quota: 10, window: "day" },
        { name: "month", per: "key", quota: 100, window: "month" },
      ],
    },
  },
  anonymousPlan: "anonymous",
  upstreams: { users: { targets: ["http://127.0.0.1:8091"] } },
  routes: [
    { path: "/api/users/*", upstream: "users", stripPrefix: "/api/users" },
    { path: "/bulk", methods: ["POST"], handler: "./handler.ts", cost: 5 },
    { path: "/{ip}", handler: "./handler.ts" },
  ],
};

export class PipelineRig {
  readonly journal = new MemoryJournal();
  readonly keys = keyTable({ hashKey });
  readonly forwarded: Forwarded[] = [];
  readonly refusals = new RefusalTally();
  readonly held = new HeldCounters();
  readonly demands: LeaseDemand[] = [];
  readonly logged: { message: string; fields?: LogFields }[] = [];
  readonly counts = new Map<string, number>();
  readonly meter: Meter;
  pipeline!: Pipeline;
  config!: CompiledConfig;
  nowMs = noonMs;
  elapsedMs = 0;
  /** What each turn of the event loop computes. */
  turnCpuMs = 0;
  #cpuMs = 0;
  unreadyReason = "";
  cutOffMs = 0;
  /** What `/-/status` answers. */
  publicStatus: Uint8Array | undefined;
  hasJoined = true;
  readonly #tables = new WindowTables("sydney");
  readonly #own = new OwnCharges();
  readonly #every: { readonly ms: number; readonly run: () => void }[] = [];
  #entropy = 0;

  constructor() {
    this.meter = new Meter({
      journal: this.journal,
      region: "sydney",
      tables: () => this.#tables,
      own: () => this.#own,
      listener: { sealed: () => {}, failed: () => {} },
    });
  }

  static async create(options: RigOptions = {}): Promise<PipelineRig> {
    const rig = new PipelineRig();
    const compiled = compileConfigValue(
      { ...baseConfig, ...options.config },
      { file: "/etc/tallygate.yaml", fileExists: () => true },
    );
    assert("config" in compiled, JSON.stringify(compiled));
    rig.config = compiled.config;
    const handlers = options.handlers ?? { "./handler.ts": () => new Response("hello") };
    const credentials = { hashKey, table: rig.keys };
    rig.pipeline = await Pipeline.create(
      {
        region: "sydney",
        meter: options.meter ?? rig.meter,
        leases: { held: rig.held, demand: (demand) => void rig.demands.push(demand) },
        refusals: rig.refusals,
        time: { nowMs: () => rig.nowMs },
        tables: () => rig.#tables,
        publicStatus: () => rig.publicStatus,
        viewAgeMs: () => 38.4,
        cutOffMs: () => rig.cutOffMs,
        credentials: () => (rig.hasJoined ? credentials : undefined),
        unready: () => rig.unreadyReason,
        upstreams: options.upstreams ?? rig.#upstreams(),
        handlers: {
          load: async (file) => {
            const found = Object.entries(handlers).find(([name]) => file.endsWith(name.slice(1)));
            assert(found !== undefined, `a handler for ${file}`);
            return found[1];
          },
          files: options.files ?? (async () => () => new Response("a file")),
          parts: partsOf,
        },
        clock: {
          wallMs: () => rig.nowMs,
          monotonicMs: () => rig.elapsedMs,
          threadCpuMs: () => (rig.#cpuMs += rig.turnCpuMs),
        },
        timers: {
          after: () => ({ cancel: () => {} }),
          every: (ms, run) => {
            rig.#every.push({ ms, run });
            return { cancel: () => {} };
          },
          atTurnEnd: (run) => run(),
        },
        random: { hex: () => "abc", bytes: (n) => new Uint8Array(n), fraction: () => 0.5 },
        log: {
          info: (message, fields) => rig.#logged(message, fields),
          warn: (message, fields) => rig.#logged(message, fields),
          error: (message, fields) => rig.#logged(message, fields),
        },
        metrics: rig.#metrics(),
        observer: options.observer,
      },
      compiled.config,
    );
    rig.journal.onStored((position) => rig.pipeline.stored(position));
    return rig;
  }

  /** Makes a key in the table and returns its text. */
  key(change: Partial<KeyRecord> = {}): string {
    const entropy = new Uint8Array(20);
    new DataView(entropy.buffer).setUint32(16, ++this.#entropy);
    const text = formatApiKey({ prefix: "ipd", mode: "live", entropy });
    const record = encodeKeyRecord({
      hash: hashApiKey(text),
      keyId: `k_${this.#entropy}`,
      plan: "pro",
      owner: "acme",
      name: "",
      createdAtMs: noonMs,
      changedAtMs: noonMs,
      expiresAtMs: 0,
      anchorDay: 1,
      ownerAnchorDay: 1,
      restrict: unrestricted,
      version: 1,
      revoked: false,
      ...change,
    });
    this.keys.apply(record, 0, record.length);
    return text;
  }

  /** Sends a request; nothing is stored yet. */
  send(request: FakeRequest): FakeExchange {
    const exchange = new FakeExchange(request);
    this.pipeline.take(exchange);
    return exchange;
  }

  /** Sends a request, lets its promises settle and stores what was charged. */
  async ask(request: FakeRequest): Promise<FakeExchange> {
    const exchange = this.send(request);
    await this.settle();
    this.journal.store();
    await this.settle();
    return exchange;
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  }

  /** Lets time pass and runs what falls due, once each. */
  pass(ms: number): void {
    this.elapsedMs += ms;
    this.nowMs += ms;
    for (const timer of this.#every) if (timer.ms <= ms) timer.run();
  }

  /** Units that the caller has used, as `/-/usage` tells it, by limit. */
  used(request: Omit<FakeRequest, "target">): Record<string, number> {
    const exchange = this.send({ ...request, target: "/-/usage" });
    const limits = exchange.json()["limits"] as { name: string; used: number }[];
    return Object.fromEntries(limits.map(({ name, used }) => [name, used]));
  }

  #logged(message: string, fields?: LogFields): void {
    this.logged.push(fields === undefined ? { message } : { message, fields });
  }

  #upstreams(): UpstreamClient {
    const client: UpstreamClient = {
      forward: (_upstream, request, sink) => {
        const call: Forwarded = {
          attempted: false,
          request,
          sink,
          isPaused: false,
          isCancelled: false,
          pause: () => {
            call.isPaused = true;
          },
          resume: () => {
            call.isPaused = false;
          },
          cancel: () => {
            call.isCancelled = true;
          },
        };
        this.forwarded.push(call);
        return call;
      },
      reserve: (upstream) => ({
        forward: (request, sink) => client.forward(upstream, request, sink),
        release: () => {},
      }),
      retain: () => {},
      connectionsTo: () => 0,
      close: async () => {},
    };
    return client;
  }

  #metrics(): Metrics {
    const counter: Metrics["counter"] = ({ name }) => ({
      child: (...labels) => ({
        add: (amount) => {
          const id = `${name}{${labels.join(",")}}`;
          this.counts.set(id, (this.counts.get(id) ?? 0) + amount);
        },
      }),
    });
    return {
      counter,
      histogram: () => ({ child: () => ({ observe: () => {} }) }),
      gauge: () => ({ child: () => ({ set: () => {} }) }),
      onCollect: () => {},
      expose: async () => "",
    };
  }
}

/** Texts at once, so that no reply of a test needs a stream unless it says so. */
function partsOf(response: unknown): ResponseParts | undefined {
  if (response instanceof FakeResponse) return response.parts;
  if (!(response instanceof Response)) return undefined;
  const body = response.body as ReadableStream<Uint8Array> | null;
  return {
    status: response.status,
    headers: [...response.headers].flat(),
    body: body ?? undefined,
  };
}

/** What FastResponse is to the real host: its parts need no stream. */
export class FakeResponse extends Response {
  readonly parts: ResponseParts;

  constructor(text: string, parts: Partial<ResponseParts> = {}) {
    super();
    this.parts = { status: 200, headers: ["content-type", "text/plain"], body: text, ...parts };
  }
}
