/**
 * One gateway's connection: from its hello to its close. Takes batches to the stream, sends updates and snapshots,
 * answers heartbeats. The transport has proved the producer's id and checked the form of every message; what a message
 * means is checked here, and what does not hold is refused and counted without changing anything.
 */

import type { Incarnation, Seq, Version } from "../base/words.ts";
import { type ProducerKey, producerKey, versionZero } from "../base/words.ts";
import { decodeBatch } from "../metering/batch-codec.ts";
import { type CounterName, encodeLost } from "../metering/stream-record.ts";
import type {
  AuditReply,
  GatewayMessage,
  Heartbeat,
  Hello,
  HubEnd,
  HubMessage,
  LeaseReply,
  LinkPeer,
} from "../ports/link.ts";
import { linkProtocol } from "../ports/link.ts";
import type { RegistryRow } from "../ports/registry-store.ts";
import { batchProblem } from "./batch-check.ts";
import type { HubParts } from "./hub-parts.ts";
import type { LeaseSession } from "./lease-desk.ts";
import { RegistrySync } from "./registry-sync.ts";
import type { Update, UpdateSubscriber } from "./replicator.ts";
import { SnapshotSender } from "./snapshot-sender.ts";
import type { StatusGateway } from "./status-desk.ts";

/** Bytes on their way to a gateway above which updates are held back; it catches up when it has read them. */
export const sessionBufferedMax = 16 * 1024 * 1024;

/** Bytes that all producers have on their way into the stream, at most; who sends more is closed and comes back. */
export const streamPendingBytesMax = 128 * 1024 * 1024;

/** What a gateway last said of itself. */
export interface Heard {
  readonly atMs: number;
  readonly heartbeat: Heartbeat | undefined;
}

export class GatewaySession implements LeaseSession, StatusGateway, UpdateSubscriber {
  readonly peer: LinkPeer;
  readonly #end: HubEnd;
  readonly #hub: HubParts;
  hello: Hello | undefined;
  heard: Heard;
  /** `live`: has every update. `lagging`: cannot take more now. */
  feed: "none" | "snapshot" | "live" | "lagging" = "none";
  #sent: Version = versionZero;
  #snapshot: SnapshotSender | undefined;
  #sync: RegistrySync | undefined;
  #closed = false;
  #configTold: string | undefined;
  onAuditReply: ((reply: AuditReply, payload: Uint8Array) => void) | undefined;

  constructor(end: HubEnd, peer: LinkPeer, hub: HubParts) {
    this.#end = end;
    this.peer = peer;
    this.#hub = hub;
    this.heard = { atMs: hub.clock.monotonicMs(), heartbeat: undefined };
  }

  /** The version up to which updates were sent. */
  get sent(): Version {
    return this.#sent;
  }

  get isOpen(): boolean {
    return !this.#closed;
  }

  get region(): string {
    return this.hello?.region ?? "";
  }

  get process(): number {
    return this.hello?.process ?? 0;
  }

  get listen(): string {
    return this.hello?.listen ?? "";
  }

  get takesStatus(): boolean {
    return this.hello?.takesStatus === true;
  }

  get heardMs(): number {
    return this.heard.atMs;
  }

  get bufferedBytes(): number {
    return this.#end.bufferedBytes;
  }

  send(message: HubMessage, payload?: Uint8Array): void {
    this.#end.send(message, payload);
  }

  onMessage(message: GatewayMessage, payload: Uint8Array): void {
    if (this.#closed) return;
    this.heard = { ...this.heard, atMs: this.#hub.clock.monotonicMs() };
    if (message.kind === "hello") return this.#onHello(message);
    if (this.hello === undefined) return this.refuse("message-malformed", "hello comes first");
    const { stream, desk } = this.#hub;
    switch (message.kind) {
      case "batch":
        return this.#onBatch(message, payload);
      case "lost":
        return this.#onLost(message);
      case "heartbeat":
        return this.#onHeartbeat(message);
      case "registry-ack":
        return this.#sync?.onAck(message.version);
      case "registry-return":
        return this.#onReturn(payload, message.last);
      case "snapshot-request":
        if (this.feed !== "snapshot") this.startSnapshot();
        return;
      case "lease-request":
        if (stream.pendingBytes <= streamPendingBytesMax) desk.ask(this, message.requests);
        return;
      case "probes":
        return this.#hub.status?.probed(this, message.results);
      case "audit-reply":
        this.onAuditReply?.(message, payload);
    }
  }

  close(reason: string): void {
    this.onClosed();
    this.#end.close(reason);
  }

  /** The connection is gone. */
  onClosed(): void {
    this.#closed = true;
    this.#snapshot?.cancel();
    this.#sync?.close();
    this.#hub.replicator.unsubscribe(this);
    this.feed = "none";
  }

  refuse(code: string, detail: string): void {
    this.#hub.metrics.refused(code);
    this.#end.send({ kind: "refused", code, detail });
    this.close(code);
  }

  /** All that precedes is settled: the epoch is above what the gateway's hello said. */
  welcome(): void {
    const { hello } = this;
    if (hello === undefined || this.#closed) return;
    const { replicator, registry } = this.#hub;
    this.#end.send({
      kind: "welcome",
      protocol: linkProtocol,
      ...this.#hub.cluster,
      version: replicator.version,
      hubTimeMs: this.#hub.time.nowMs(),
      watermarks: this.watermarks(),
      registryVersion: registry.version,
    });
    replicator.subscribe(this);
    const updates = replicator.since(hello.view);
    if (updates === undefined) this.startSnapshot();
    else {
      this.feed = "live";
      this.#sent = hello.view;
      for (const update of updates) this.#send(update);
    }
    this.#sync = new RegistrySync(this.#end, this.#hub, hello.registryVersion);
    this.#hub.status?.welcomed(this);
  }

  /** This producer's watermarks, of the incarnations that its hello named. */
  watermarks(): (readonly [Incarnation, Seq])[] {
    const { fold } = this.#hub.state;
    return [...this.#incarnations()].map((incarnation) => {
      return [incarnation, fold.watermark(producerKey(this.peer.producer, incarnation))] as const;
    });
  }

  #incarnations(): Set<Incarnation> {
    const { hello } = this;
    if (hello === undefined) return new Set();
    return new Set([...hello.journal.map(([incarnation]) => incarnation), hello.incarnation]);
  }

  onUpdate(update: Update): void {
    if (this.feed === "lagging") return this.catchUp();
    if (this.feed === "none") return;
    if (this.#end.bufferedBytes > sessionBufferedMax) {
      // A half-sent snapshot is of no use without the updates between its parts.
      if (this.#snapshot !== undefined) this.#sent = versionZero;
      this.#snapshot?.cancel();
      this.#snapshot = undefined;
      this.feed = "lagging";
    } else this.#send(update);
  }

  onBreak(): void {
    if (this.feed !== "none") this.startSnapshot();
  }

  /** Goes on where it stopped once the gateway has read what was on its way. */
  catchUp(): void {
    if (this.feed !== "lagging" || this.#end.bufferedBytes > sessionBufferedMax / 2) return;
    const updates = this.#hub.replicator.since(this.#sent);
    if (updates === undefined) return this.startSnapshot();
    this.feed = "live";
    for (const update of updates) this.#send(update);
  }

  startSnapshot(): void {
    this.#snapshot?.cancel();
    this.feed = "snapshot";
    this.#hub.metrics.snapshot();
    this.#snapshot = new SnapshotSender(this.#end, this.#hub, () => {
      this.#snapshot = undefined;
      this.feed = "live";
      this.#sent = this.#hub.replicator.version;
    });
  }

  onRegistryChanged(rows: readonly RegistryRow[]): void {
    this.#sync?.onChanged(rows);
  }

  /** Tells which configuration is in force, unless the gateway has it, has refused it, was told it or takes none. */
  tellConfig(): void {
    const { announced } = this.#hub;
    const { config, configRefused } = this.heard.heartbeat ?? {};
    if (announced === undefined || config === undefined || this.#closed) return;
    const { id, format, bytes } = announced;
    const isRefused = id !== "" && configRefused === id;
    // Told once on a connection: what was sent on it arrives.
    if (config === id || isRefused || this.#configTold === id) return;
    this.#configTold = id;
    this.#end.send({ kind: "config", id, format }, bytes);
  }

  requestResend(incarnation: Incarnation, from: Seq): void {
    if (this.hello === undefined || this.#closed) return;
    this.#hub.metrics.resend();
    this.#end.send({ kind: "resend", incarnation, from });
  }

  /** The start of the gateway that is connected: to whom leases are granted. */
  get holder(): ProducerKey {
    return producerKey(this.peer.producer, this.hello?.incarnation ?? "");
  }

  answerLeases(answers: readonly LeaseReply[]): void {
    const { epoch } = this.#hub.replicator.version;
    this.#end.send({ kind: "lease-answer", epoch, answers });
  }

  wantLeases(counters: readonly CounterName[]): void {
    this.#end.send({ kind: "lease-wanted", counters });
  }

  sendAudit(audit: { id: number; view: Version; entriesOf: readonly string[] }): void {
    this.#end.send({ kind: "audit", ...audit });
  }

  #send(update: Update): void {
    this.#end.send({ kind: "update" }, update.bytes);
    this.#sent = { epoch: this.#hub.replicator.version.epoch, position: update.position };
  }

  #onHello(hello: Hello): void {
    if (this.hello !== undefined || hello.producer !== this.peer.producer) {
      return this.refuse("message-malformed", "hello comes once, with the producer's own id");
    }
    if (hello.protocol !== linkProtocol) {
      return this.refuse(
        "hub-refused",
        `the hub speaks protocol ${linkProtocol}, the gateway ${hello.protocol}: run the same version of both`,
      );
    }
    if (hello.clusterId !== "" && hello.clusterId !== this.#hub.cluster.clusterId) {
      return this.refuse(
        "hub-refused",
        "the gateway's data folder belongs to another cluster; join this one with a new data folder",
      );
    }
    this.hello = hello;
    this.#hub.onHello(this, hello);
  }

  #onBatch(message: { incarnation: Incarnation; seq: Seq }, payload: Uint8Array): void {
    const { stream, state, metrics } = this.#hub;
    const { incarnation, seq } = message;
    const key = producerKey(this.peer.producer, incarnation);
    const known = state.fold.producers.get(key);
    // What was folded is a repeat of a lost reply; only a declared loss may still turn up.
    if (known !== undefined && seq <= known.last && known.lost.length === 0) {
      return metrics.batch("repeat");
    }
    if (stream.pendingBytes > streamPendingBytesMax) return this.close("overloaded");
    const decoded = decodeBatch(payload);
    const problem =
      "malformed" in decoded
        ? decoded.malformed
        : batchProblem(decoded.batch, { producer: this.peer.producer, incarnation, seq });
    if (problem !== undefined) {
      metrics.batch("refused");
      this.#hub.log.warn("a batch was refused", {
        ...{ producer: this.peer.producer, incarnation, seq, problem },
      });
      return;
    }
    metrics.batch("accepted");
    if ("batch" in decoded) state.decoded.set(payload, decoded.batch);
    this.#append(payload, incarnation);
  }

  #onLost(message: { incarnation: Incarnation; from: Seq; to: Seq }): void {
    const { incarnation, from, to } = message;
    const { producer } = this.peer;
    const last = this.#hub.state.fold.watermark(producerKey(producer, incarnation));
    if (to < from || to <= last) return;
    this.#hub.log.warn("a producer declared batches lost", { producer, incarnation, from, to });
    this.#append(encodeLost({ producer, incarnation, from, to }), incarnation);
  }

  #append(record: Uint8Array, incarnation: Incarnation): void {
    this.#hub.stream.append(record).catch((error: unknown) => {
      // Not stored, so never folded: it is asked for again when the stream takes records again.
      this.#hub.onAppendFailed(this, incarnation, error);
    });
  }

  #onHeartbeat(heartbeat: Heartbeat): void {
    this.heard = { atMs: this.#hub.clock.monotonicMs(), heartbeat };
    const { id, sentAtMs, refusals } = heartbeat;
    if (refusals !== undefined) this.#hub.refusals.heard(this.hello?.region ?? "", refusals);
    const hubTimeMs = this.#hub.time.nowMs();
    const named = this.#incarnations();
    const backup = this.#hub
      .coverage(this.peer.producer)
      ?.filter(([incarnation]) => named.has(incarnation));
    this.#end.send({ kind: "heartbeat-reply", id, sentAtMs, hubTimeMs, backup });
    this.tellConfig();
  }

  #onReturn(payload: Uint8Array, last: boolean): void {
    const refused = (): void => {
      this.refuse("message-malformed", "key records given back are malformed");
    };
    const returned = this.#sync?.onReturn(payload, last) ?? Promise.resolve(false);
    returned.then(
      (isTaken) => {
        if (!isTaken) refused();
      },
      (error: unknown) => {
        this.#hub.log.error("returned keys could not be stored", {}, error);
        this.close("registry-failed");
      },
    );
  }
}
