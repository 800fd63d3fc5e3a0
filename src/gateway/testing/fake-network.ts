/** Upstreams without sockets, names and time: a test says what each try comes to. */

import type { UpstreamConfig } from "../../access/compiled-config.ts";
import { compileConfigValue } from "../../access/config.ts";
import { assert } from "../../base/assert.ts";
import type { ByteStream } from "../../ports/listener.ts";
import type { Metrics } from "../../ports/metrics.ts";
import type {
  UpstreamCall,
  UpstreamFailure,
  UpstreamNetwork,
  UpstreamRequest,
  UpstreamReservation,
  UpstreamSink,
} from "../../ports/upstream.ts";
import { UpstreamSet } from "../upstream-set.ts";

/** One try at an address. */
export interface FakeTry extends UpstreamCall {
  readonly address: string;
  readonly origin: string;
  readonly request: UpstreamRequest;
  readonly sink: UpstreamSink;
  attempted: boolean;
  isCancelled: boolean;
  isPaused: boolean;
  /** Sends the request: from then on the target may have acted. */
  send(): void;
  /** Answers, whole. */
  answer(status: number, text?: string): void;
  fail(kind: UpstreamFailure["kind"]): void;
}

/** What a client was told. */
export interface FakeClient extends UpstreamSink {
  readonly call: UpstreamCall;
  status: number;
  text: string;
  /** How it ended; undefined: not yet. */
  end: UpstreamFailure | "completed" | "upgraded" | undefined;
  /** What it was upgraded to. */
  stream: ByteStream | undefined;
}

interface FakeTimer {
  atMs: number;
  readonly everyMs: number;
  readonly run: () => void;
}

export class FakeUpstreams {
  /** Some time after the clock's start, as ever. */
  nowMs = 1_000_000;
  readonly tries: FakeTry[] = [];
  /** Names that can be looked up. */
  readonly names = new Map<string, readonly string[]>();
  readonly counts = new Map<string, number>();
  readonly logged: string[] = [];
  readonly set: UpstreamSet;
  /** Addresses whose connections were let go of. */
  readonly retired: string[] = [];
  configs: ReadonlyMap<string, UpstreamConfig> = new Map();
  #timers = new Set<FakeTimer>();

  constructor(region = "sydney") {
    const log = (message: string): void => void this.logged.push(message);
    this.set = new UpstreamSet(region, {
      network: this.#network(),
      clock: { wallMs: () => this.nowMs, monotonicMs: () => this.nowMs, threadCpuMs: () => 0 },
      timers: {
        after: (ms, run) => this.#timer({ atMs: this.nowMs + ms, everyMs: 0, run }),
        every: (ms, run) => this.#timer({ atMs: this.nowMs + ms, everyMs: ms, run }),
        atTurnEnd: (run) => run(),
      },
      random: { hex: () => "", bytes: (n) => new Uint8Array(n), fraction: () => 0 },
      log: { info: log, warn: log, error: log },
      metrics: this.#metrics(),
    });
  }

  /** Takes a configuration of upstreams. */
  take(upstreams: Readonly<Record<string, unknown>>): void {
    const compiled = compileConfigValue(
      {
        version: 1,
        regions: { sydney: { listen: "127.0.0.1:8081" }, seoul: { listen: "127.0.0.1:8082" } },
        plans: { free: { limits: [] } },
        upstreams,
        routes: [{ path: "/*", upstream: Object.keys(upstreams)[0] }],
      },
      { file: "/etc/tallygate.yaml", fileExists: () => true },
    );
    assert("config" in compiled, JSON.stringify(compiled));
    this.configs = new Map(compiled.config.upstreams.map((config) => [config.name, config]));
    this.set.retain(compiled.config.upstreams);
  }

  /** A client's call to the upstream `u`, or one that was reserved. */
  call(request: Partial<UpstreamRequest> = {}, to: string | UpstreamReservation = "u"): FakeClient {
    const client = {
      status: 0,
      text: "",
      end: undefined as FakeClient["end"],
      stream: undefined as FakeClient["stream"],
      started(status: number) {
        assert(client.status === 0 && client.end === undefined, "a second reply");
        client.status = status;
      },
      received(bytes: Uint8Array) {
        client.text += new TextDecoder().decode(bytes);
      },
      completed: () => client.over("completed"),
      failed: (failure: UpstreamFailure) => client.over(failure),
      upgraded(_headers: readonly string[], stream: ByteStream) {
        client.stream = stream;
        client.over("upgraded");
      },
      over(end: NonNullable<FakeClient["end"]>) {
        assert(client.end === undefined, "a second end");
        client.end = end;
      },
    };
    const full = { method: "GET", target: "/", headers: [], body: undefined, isUpgrade: false };
    const whole = { ...full, ...request };
    const call =
      typeof to === "string"
        ? this.set.forward(this.#config(to), whole, client)
        : to.forward(whole, client);
    return Object.assign(client, { call });
  }

  reserve(name = "u"): UpstreamReservation {
    return this.set.reserve(this.#config(name));
  }

  #config(name: string): UpstreamConfig {
    const config = this.configs.get(name);
    assert(config !== undefined, name);
    return config;
  }

  /** The newest try. */
  get last(): FakeTry {
    const last = this.tries.at(-1);
    assert(last !== undefined, "a try");
    return last;
  }

  /** Lets time pass, timer by timer. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    while (true) {
      let next: FakeTimer | undefined;
      for (const timer of this.#timers) {
        if (timer.atMs <= untilMs && (next === undefined || timer.atMs < next.atMs)) next = timer;
      }
      if (next === undefined) break;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      if (next.everyMs === 0) this.#timers.delete(next);
      else next.atMs += next.everyMs;
      next.run();
    }
    this.nowMs = untilMs;
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  }

  #timer(timer: FakeTimer): { cancel(): void } {
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  #network(): UpstreamNetwork {
    return {
      open: ({ origin, address }) => ({
        send: (request, sink) => this.#try({ origin, address, request, sink }),
        retire: () => void this.retired.push(address),
        destroy: async () => void this.retired.push(address),
      }),
      resolve: async (name) => {
        const found = this.names.get(name);
        if (found === undefined)
          throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
        return found;
      },
    };
  }

  #try(of: Pick<FakeTry, "origin" | "address" | "request" | "sink">): FakeTry {
    let isOver = false;
    const over = (): void => {
      assert(!isOver, "the try is over already");
      isOver = true;
    };
    const made: FakeTry = {
      ...of,
      attempted: false,
      isCancelled: false,
      isPaused: false,
      pause: () => void (made.isPaused = true),
      resume: () => void (made.isPaused = false),
      cancel: () => {
        if (!isOver) made.isCancelled = true;
        isOver = true;
      },
      send: () => void (made.attempted = true),
      answer: (status, text = "") => {
        made.attempted = true;
        assert(!isOver, "the try is over already");
        of.sink.started(status, []);
        // Its head alone may have ended it.
        if (isOver) return;
        if (text !== "") of.sink.received(new TextEncoder().encode(text));
        over();
        of.sink.completed();
      },
      fail: (kind) => {
        over();
        of.sink.failed({ kind, attempted: made.attempted, cause: undefined });
      },
    };
    this.tries.push(made);
    return made;
  }

  #metrics(): Metrics {
    return {
      counter: ({ name }) => ({
        child: (...labels) => ({
          add: (amount) => {
            const id = `${name}{${labels.join(",")}}`;
            this.counts.set(id, (this.counts.get(id) ?? 0) + amount);
          },
        }),
      }),
      histogram: () => ({ child: () => ({ observe: () => {} }) }),
      gauge: () => ({ child: () => ({ set: () => {} }) }),
      onCollect: () => {},
      expose: async () => "",
    };
  }
}

/** `kind attempted`, `completed`, or undefined while it lasts. */
export function ending({ end }: FakeClient): string | undefined {
  return typeof end === "object"
    ? `${end.kind} ${end.attempted ? "attempted" : "not-attempted"}`
    : end;
}

/** A body as a text. */
export async function readBody(body: AsyncIterable<Uint8Array> | undefined): Promise<string> {
  let text = "";
  for await (const part of body ?? []) text += new TextDecoder().decode(part);
  return text;
}
