/** A gateway without limits and sockets: seals batches, keeps a view as the protocol says, answers audits. */

import { fingerprintText, hashKeyFromHex } from "../../base/hash.ts";
import { compareVersions, producerKey, type Version, versionZero } from "../../base/words.ts";
import { CounterTable } from "../../limits/counter-table.ts";
import { digestText } from "../../limits/totals-digest.ts";
import { parseWindowId } from "../../limits/window.ts";
import {
  decodePart,
  decodeUpdate,
  encodePart,
  type FeedWindow,
} from "../../metering/feed-codec.ts";
import { OpenBatch } from "../../metering/open-batch.ts";
import type { GatewayMessage, Heartbeat, HubEnd, HubMessage, LinkPeer } from "../../ports/link.ts";

const hashKey = hashKeyFromHex("000102030405060708090a0b0c0d0e0f");

export interface Charge {
  readonly subject: string;
  readonly window: string;
  readonly units: number;
  readonly refunded?: number;
}

export const hour = Date.UTC(2026, 10, 21, 12);

export function fingerprintOf(subject: string): { lo: number; hi: number } {
  const out = { lo: 0, hi: 0 };
  fingerprintText(hashKey, 1, subject, out);
  return out;
}

/** The bytes of one sealed batch; each charge is a call of its own route. */
export function sealCharges(
  header: { producer: string; incarnation: string; seq: number; region: string },
  charges: readonly Charge[],
): Uint8Array {
  const open = new OpenBatch();
  for (const { subject, window, units, refunded = 0 } of charges) {
    const counters = [{ window, subject, ...fingerprintOf(subject) }];
    const key = subject.replace(/^key:/, "");
    const row = open.define({
      ...{ hour, route: "/", plan: "pro", owner: "", key, address: "", referer: "", counters },
    });
    open.charge(row, units, hour + 1);
    if (refunded > 0) open.refund(row, refunded, hour + 1);
  }
  return open.seal({ ...header, sealedAtMs: hour + 50 }).bytes;
}

export class FakeGateway {
  readonly producer: string;
  readonly region: string;
  readonly process: number;
  incarnation = "00000000000000aa";
  readonly sealed: Uint8Array[] = [];
  readonly received: HubMessage[] = [];
  readonly registry: { version: number; last: boolean; bytes: Uint8Array }[] = [];
  view: Version = versionZero;
  tables = new Map<string, CounterTable>();
  readonly watermarks = new Map<string, number>();
  registryVersion = 0;
  clusterId = "";
  /** Bytes that the hub believes to be on their way. */
  bufferedBytes = 0;
  /** After each part of a snapshot `bufferedBytes` is above what the hub sends on at. */
  isSlow = false;
  /** Answers no audit. */
  isDeaf = false;
  closedFor: string | undefined;
  /** Given back when the hub wants it. */
  returns: Uint8Array | undefined;
  #building: Map<string, CounterTable> | undefined;
  #toHub: ((message: GatewayMessage, payload: Uint8Array) => void) | undefined;
  #onClose: ((reason: string) => void) | undefined;
  #close: ((reason: string) => void) | undefined;

  constructor(
    region: string,
    process = 0,
    producer = `${process}`.padStart(32, region[0] === "s" ? "a" : "b"),
  ) {
    this.region = region;
    this.process = process;
    this.producer = producer;
  }

  get isConnected(): boolean {
    return this.#toHub !== undefined;
  }

  get peer(): LinkPeer {
    return { producer: this.producer };
  }

  /** The hub's end of a new connection. */
  connect(): HubEnd {
    this.closedFor = undefined;
    const gateway = this;
    let open = true;
    const close = (reason: string): void => {
      if (!open) return;
      open = false;
      gateway.closedFor = reason;
      gateway.#toHub = undefined;
      const listener = gateway.#onClose;
      queueMicrotask(() => listener?.(reason));
    };
    this.#close = close;
    return {
      send: (message, payload) => {
        if (open) gateway.#receive(message, payload ?? new Uint8Array(0));
      },
      get bufferedBytes() {
        return gateway.bufferedBytes;
      },
      onMessage: (listener) => {
        gateway.#toHub = (message, payload) => {
          if (open) listener(message, payload);
        };
      },
      onClose: (listener) => {
        gateway.#onClose = listener;
      },
      close,
    };
  }

  hello(change: Partial<Extract<GatewayMessage, { kind: "hello" }>> = {}): void {
    this.send({
      ...{ kind: "hello", protocol: 1, producer: this.producer, incarnation: this.incarnation },
      ...{ region: this.region, process: this.process, listen: "", clusterId: this.clusterId },
      ...{ view: this.view, registryVersion: this.registryVersion, journal: [] },
      ...change,
    });
  }

  disconnect(): void {
    this.#building = undefined;
    this.#close?.("gone");
  }

  send(message: GatewayMessage, payload: Uint8Array = new Uint8Array(0)): void {
    this.#toHub?.(message, payload);
  }

  heartbeat(id: number, journalBytes = 0, more: Partial<Heartbeat> = {}): void {
    this.send({
      ...{ kind: "heartbeat", id, sentAtMs: 1, view: this.view, registryVersion: 0 },
      ...{ unacknowledgedUnits: 0, oldestUnacknowledgedMs: 0, journalBytes },
      ...{ journalState: "ok", callsPerSecond: 0, lagP50Ms: 0, lagP99Ms: 0 },
      ...more,
    });
  }

  /** Seals a batch; sent at once unless `hold`. */
  charge(charges: readonly Charge[], options = { hold: false }): number {
    const { producer, incarnation, region } = this;
    const seq = this.sealed.length + 1;
    this.sealed.push(sealCharges({ producer, incarnation, seq, region }, charges));
    if (!options.hold) this.sendBatch(seq);
    return seq;
  }

  sendBatch(seq: number): void {
    const bytes = this.sealed[seq - 1] as Uint8Array;
    this.send({ kind: "batch", incarnation: this.incarnation, seq }, bytes);
  }

  total(window: string, subject: string): number {
    const { lo, hi } = fingerprintOf(subject);
    return this.tables.get(window)?.total(lo, hi) ?? 0;
  }

  #receive(message: HubMessage, payload: Uint8Array): void {
    this.received.push(message);
    switch (message.kind) {
      case "welcome":
        this.clusterId = message.clusterId;
        for (const [incarnation, seq] of message.watermarks) this.#resend(incarnation, seq + 1);
        if (!message.watermarks.some(([i]) => i === this.incarnation)) {
          this.#resend(this.incarnation, 1);
        }
        return;
      case "resend":
        return this.#resend(message.incarnation, message.from);
      case "update":
        return this.#update(payload);
      case "snapshot-begin":
        this.#building = new Map();
        return;
      case "snapshot-part":
        if (this.isSlow) this.bufferedBytes = 8 * 1024 * 1024;
        return this.#part(payload);
      case "snapshot-end":
        this.#part(payload);
        if (this.#building === undefined) return;
        this.tables = this.#building;
        this.#building = undefined;
        this.view = message.version;
        return;
      case "registry":
        this.registry.push({ version: message.version, last: message.last, bytes: payload });
        this.registryVersion = message.version;
        return;
      case "registry-wanted":
        queueMicrotask(() => this.send({ kind: "registry-return", last: true }, this.returns));
        return;
      case "audit":
        if (!this.isDeaf) this.#audit(message);
        return;
      case "config":
      case "heartbeat-reply":
      case "lease-answer":
      case "lease-wanted":
      case "probe-plan":
      case "public-status":
      case "refused":
        return;
    }
  }

  #resend(incarnation: string, from: number): void {
    if (incarnation !== this.incarnation) return;
    for (let seq = from; seq <= this.sealed.length; seq++) {
      queueMicrotask(() => this.sendBatch(seq));
    }
  }

  #update(payload: Uint8Array): void {
    const update = decodeUpdate(payload);
    if ("malformed" in update) throw new Error(update.malformed);
    const { epoch, base, position } = update;
    if (this.#building !== undefined) {
      write(this.#building, update.windows);
      drop(this.#building, update.horizonMs);
    }
    const next = { epoch, position };
    if (epoch !== this.view.epoch || base > this.view.position) return;
    if (compareVersions(next, this.view) <= 0) return;
    write(this.tables, update.windows);
    for (const [key, seq] of update.watermarks) this.watermarks.set(key, seq);
    this.view = next;
  }

  #part(payload: Uint8Array): void {
    const part = decodePart(payload);
    if ("malformed" in part) throw new Error(part.malformed);
    if (this.#building !== undefined) write(this.#building, part.windows);
    for (const [key, seq] of part.watermarks) this.watermarks.set(key, seq);
  }

  #audit(message: Extract<HubMessage, { kind: "audit" }>): void {
    const reply = { kind: "audit-reply", id: message.id, view: this.view } as const;
    for (const id of message.entriesOf) {
      const windows: FeedWindow[] = [];
      const table = this.tables.get(id);
      if (table !== undefined) windows.push(columnsOf(id, table));
      this.send({ ...reply, windows: [], more: true }, encodeParts(windows));
    }
    const digests = [...this.tables].map(([id, table]) => ({ id, digest: digestText(table) }));
    this.send({ ...reply, windows: digests, more: false });
  }

  watermark(): number {
    return this.watermarks.get(producerKey(this.producer, this.incarnation)) ?? 0;
  }
}

function encodeParts(windows: readonly FeedWindow[]): Uint8Array {
  return encodePart({ watermarks: [], windows });
}

function write(tables: Map<string, CounterTable>, windows: readonly FeedWindow[]): void {
  for (const { id, lo, hi, net } of windows) {
    const table = tables.get(id) ?? new CounterTable();
    tables.set(id, table);
    for (let i = 0; i < lo.length; i++) {
      table.setTotal(lo[i] as number, hi[i] as number, net[i] as number);
    }
  }
}

function drop(tables: Map<string, CounterTable>, horizonMs: number): void {
  for (const id of tables.keys()) {
    if ((parseWindowId(id)?.endMs ?? 0) <= horizonMs) tables.delete(id);
  }
}

function columnsOf(id: string, table: CounterTable): FeedWindow {
  const lo: number[] = [];
  const hi: number[] = [];
  const net: number[] = [];
  table.forEach((l, h, total) => {
    lo.push(l);
    hi.push(h);
    net.push(total);
  });
  return {
    id,
    lo: Uint32Array.from(lo),
    hi: Uint32Array.from(hi),
    net: Float64Array.from(net),
  };
}
