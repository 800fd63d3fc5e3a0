/**
 * A gateway's side of the link, whatever carries it: connects and connects again, says hello, and turns the hub's
 * messages into calls of the parts that know what to do.
 *
 * Updates and audits are handled strictly in order; where one waits for the journal, those behind it wait too.
 * The queue is bounded: beyond it the view is fetched anew as a snapshot.
 */

import { TallygateError } from "../base/errors.ts";
import type { Incarnation, Seq, Version } from "../base/words.ts";
import { decodeUpdate, type FeedUpdate } from "../metering/feed-codec.ts";
import type { Clock, Random, Timer, Timers } from "../ports/clock.ts";
import type { ConfigFormat } from "../ports/config-store.ts";
import type {
  GatewayEnd,
  Heartbeat,
  HeartbeatReply,
  Hello,
  HubMessage,
  LeaseCounter,
  LeaseReply,
  LinkDialer,
  Welcome,
} from "../ports/link.ts";
import type { Log } from "../ports/log.ts";
import type { ProbeTarget } from "../status/probe.ts";
import type { NodeTime } from "./node-time.ts";

/** Every heartbeat costs the hub two small messages; at 250 ms the age of an idle view stays below 0.3 s. */
export const heartbeatIntervalMs = 250;
/**
 * First wait before connecting again; doubled each time up to the longest, times 0.5 to 1 at random. With the longest, a
 * region that was cut off for minutes has the time to send what waited, and says the same as all others within 3 s of
 * healing; a thousand gateways make 900 attempts a second.
 */
export const reconnectMinMs = 100;
export const reconnectMaxMs = 1_500;
/** A link on which nothing was heard for this long is closed. */
export const silenceMaxMs = 10_000;

/** What the session drives. Everything is synchronous and bounded. */
export interface SessionParts {
  hello(): Hello;
  heartbeat(id: number, sentAtMs: number): Heartbeat;
  /** The hub's first answer; returns a sentence if this gateway must not talk to it. */
  welcomed(welcome: Welcome, end: GatewayEnd): string | undefined;
  heartbeatAnswered(reply: HeartbeatReply): void;
  /** Node time went back by more than is waited out. */
  timeSteppedBack(): void;
  update(update: FeedUpdate): void;
  snapshotBegin(epoch: number): void;
  snapshotPart(payload: Uint8Array): void;
  snapshotEnd(version: Version, payload: Uint8Array): void;
  registry(message: { version: number; last: boolean }, payload: Uint8Array): void;
  registryWanted(after: number): void;
  resend(incarnation: Incarnation, from: Seq): void;
  audit(request: { id: number; view: Version; entriesOf: readonly string[] }): void;
  leaseAnswer(epoch: number, answers: readonly LeaseReply[]): void;
  leaseWanted(counters: readonly LeaseCounter[]): void;
  config(message: { id: string; format: ConfigFormat }, payload: Uint8Array): void;
  probePlan(targets: readonly ProbeTarget[]): void;
  publicStatus(payload: Uint8Array): void;
  /** The hub has welcomed this gateway: messages may be sent. */
  connected(): void;
  disconnected(): void;
  tick(): void;
}

export class HubSession {
  readonly #parts: SessionParts;
  readonly #dialer: LinkDialer;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #random: Random;
  readonly #time: NodeTime;
  readonly #log: Log;
  #end: GatewayEnd | undefined;
  #welcomed = false;
  #stopped = false;
  #attempts = 0;
  /** Of the hub's start that welcomed last. */
  #epoch = 0;
  #heartbeatId = 0;
  #heardAtMs = 0;
  #beat: Timer | undefined;
  #lastFailure = "";

  constructor(
    parts: SessionParts,
    outside: {
      dialer: LinkDialer;
      clock: Clock;
      timers: Timers;
      random: Random;
      time: NodeTime;
      log: Log;
    },
  ) {
    this.#parts = parts;
    this.#dialer = outside.dialer;
    this.#clock = outside.clock;
    this.#timers = outside.timers;
    this.#random = outside.random;
    this.#time = outside.time;
    this.#log = outside.log;
  }

  get isConnected(): boolean {
    return this.#welcomed;
  }

  /** The last attempt to reach the hub failed, or the link was lost since. */
  get hasFailed(): boolean {
    return this.#attempts > 0;
  }

  /** The open link, once the hub has welcomed this gateway. */
  get end(): GatewayEnd | undefined {
    return this.#welcomed ? this.#end : undefined;
  }

  start(): void {
    this.#beat = this.#timers.every(heartbeatIntervalMs, () => this.#onBeat());
    void this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    this.#beat?.cancel();
    this.#end?.close("gateway stops");
  }

  async #connect(): Promise<void> {
    if (this.#stopped) return;
    try {
      const end = await this.#dialer.connect();
      if (this.#stopped) return end.close("gateway stops");
      this.#opened(end);
    } catch (cause) {
      this.#reportFailure(cause);
      this.#connectLater();
    }
  }

  #connectLater(): void {
    if (this.#stopped) return;
    const longest = Math.min(reconnectMaxMs, reconnectMinMs * 2 ** Math.min(this.#attempts, 10));
    this.#attempts++;
    const wait = longest * (0.5 + this.#random.fraction() / 2);
    this.#timers.after(wait, () => void this.#connect());
  }

  /** The same failure is logged once, not at every attempt. */
  #reportFailure(cause: unknown): void {
    const failure = cause instanceof TallygateError ? cause.message : "the hub cannot be reached";
    if (failure === this.#lastFailure) return;
    this.#lastFailure = failure;
    this.#log.warn(`${failure}; trying again`, {});
  }

  #opened(end: GatewayEnd): void {
    this.#end = end;
    this.#heardAtMs = this.#clock.monotonicMs();
    end.onMessage((message, payload) => {
      if (end !== this.#end) return;
      this.#heardAtMs = this.#clock.monotonicMs();
      this.#onMessage(end, message, payload);
    });
    end.onClose((reason) => {
      if (end !== this.#end) return;
      this.#end = undefined;
      if (this.#welcomed) this.#log.warn("the link to the hub is closed", { reason });
      this.#welcomed = false;
      this.#parts.disconnected();
      this.#connectLater();
    });
    end.send(this.#parts.hello());
  }

  #onMessage(end: GatewayEnd, message: HubMessage, payload: Uint8Array): void {
    if (message.kind === "welcome") return this.#onWelcome(end, message);
    if (message.kind === "refused") {
      this.#reportFailure(new TallygateError("hub-refused", message.detail));
      return end.close("refused");
    }
    if (!this.#welcomed) return end.close("not welcomed yet");
    switch (message.kind) {
      case "update":
        return this.#onUpdate(end, payload);
      case "snapshot-begin":
        return this.#parts.snapshotBegin(message.epoch);
      case "snapshot-part":
        return this.#parts.snapshotPart(payload);
      case "snapshot-end":
        return this.#parts.snapshotEnd(message.version, payload);
      case "registry":
        return this.#parts.registry(message, payload);
      case "registry-wanted":
        return this.#parts.registryWanted(message.after);
      case "heartbeat-reply":
        return this.#onReply(message);
      case "resend":
        return this.#parts.resend(message.incarnation, message.from);
      case "audit":
        return this.#parts.audit(message);
      case "lease-answer":
        return this.#parts.leaseAnswer(message.epoch, message.answers);
      case "lease-wanted":
        return this.#parts.leaseWanted(message.counters);
      case "config":
        return this.#parts.config(message, payload);
      case "probe-plan":
        return this.#parts.probePlan(message.targets);
      case "public-status":
        return this.#parts.publicStatus(payload);
    }
  }

  #onWelcome(end: GatewayEnd, welcome: Welcome): void {
    if (this.#welcomed) return;
    const refusal = this.#parts.welcomed(welcome, end);
    if (refusal !== undefined) {
      this.#reportFailure(new TallygateError("hub-refused", refusal));
      return end.close("of another cluster");
    }
    this.#welcomed = true;
    this.#attempts = 0;
    this.#lastFailure = "";
    const { epoch } = welcome.version;
    if (epoch !== this.#epoch) this.#time.forgetSample();
    this.#epoch = epoch;
    this.#log.info("connected to the hub", { epoch });
    this.#sendHeartbeat(end);
    this.#parts.connected();
  }

  #onUpdate(end: GatewayEnd, payload: Uint8Array): void {
    const update = decodeUpdate(payload);
    if ("malformed" in update) {
      this.#log.error("an update is malformed", { reason: update.malformed });
      return end.close("malformed update");
    }
    this.#parts.update(update);
  }

  #onReply(reply: HeartbeatReply): void {
    const receivedAtMs = this.#clock.monotonicMs();
    const corrected = this.#time.sample({
      sentAtMs: reply.sentAtMs,
      receivedAtMs,
      hubTimeMs: reply.hubTimeMs,
    });
    if (corrected !== undefined && Math.abs(corrected) > 2_000) {
      this.#log.warn("this machine's clock differs from the hub's; the hub's time is used", {
        correctedMs: Math.round(corrected),
      });
      // Windows that had ended by the wrong time were not taken or dropped: they must come again.
      if (corrected < 0) this.#parts.timeSteppedBack();
    }
    this.#parts.heartbeatAnswered(reply);
  }

  #onBeat(): void {
    const end = this.#end;
    this.#parts.tick();
    if (end === undefined) return;
    if (this.#clock.monotonicMs() - this.#heardAtMs > silenceMaxMs) return end.close("silent");
    if (this.#welcomed) this.#sendHeartbeat(end);
  }

  #sendHeartbeat(end: GatewayEnd): void {
    end.send(this.#parts.heartbeat(++this.#heartbeatId, this.#clock.monotonicMs()));
  }
}
