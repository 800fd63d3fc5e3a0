/** A hub on fakes, and what survives it: stream, ledger, registry. */

import type { Hello } from "../../ports/link.ts";
import type { Metrics } from "../../ports/metrics.ts";
import { type Hub, startHub } from "../hub.ts";
import type { HubOptions, HubRules } from "../hub-options.ts";
import type { FakeGateway } from "./fake-gateway.ts";
import { FakeTime, fakeRandom, settle } from "./fake-time.ts";
import { MemoryLedger } from "./memory-ledger.ts";
import { MemoryRegistry } from "./memory-registry.ts";
import { MemoryStream } from "./memory-stream.ts";

const child = { add: () => {}, observe: () => {}, set: () => {} };
const family = { child: () => child };
export const noMetrics: Metrics = {
  counter: () => family,
  histogram: () => family,
  gauge: () => family,
  onCollect: () => {},
  expose: async () => "",
};

export class HubRig {
  time = new FakeTime();
  stream = new MemoryStream();
  ledger = new MemoryLedger();
  registry = new MemoryRegistry();
  readonly logged: string[] = [];
  hub: Hub | undefined;
  #accept: ((end: never, peer: never) => void) | undefined;
  #seed = 1;

  async start(change: Partial<HubOptions> = {}): Promise<Hub> {
    const { time, stream, ledger, registry } = this;
    const note = (message: string): void => void this.logged.push(message);
    this.hub = await startHub(
      {
        ...{ clock: time, timers: time, stream, ledger, registry, metrics: noMetrics },
        random: fakeRandom(this.#seed++),
        log: { info: () => {}, warn: note, error: note },
        acceptor: { onConnection: (listener) => void (this.#accept = listener as never) },
        sealed: {
          path: (position) => `sealed-${position}`,
          open: async (file) => (ledger.files.get(file) as MemoryLedger).copy(),
          remove: async (file) => void ledger.files.delete(file),
        },
        fileBytes: async (file) => ledger.files.get(file)?.bytes() ?? 0,
      },
      {
        ...{ regions: [], keyPrefix: "tst", checkKey: () => undefined },
        ...{ publishIntervalMs: 10, checkpointIntervalMs: 2_000 },
        ...{ streamRetentionMs: 7 * 86_400_000, sealIntervalMs: 86_400_000 },
        ...{ journalSizeMaxBytes: 2 ** 30, limits: [] },
        ...change,
      },
    );
    return this.hub;
  }

  /** Ends the hub as a crash does: nothing is saved. */
  crash(): void {
    this.stream.onDurable(() => {});
    this.hub = undefined;
    // What its timers and promises still do is to no effect on what survived.
    this.ledger = this.ledger.copy();
    const stream = new MemoryStream(this.stream.first - 1);
    stream.records = [...this.stream.records];
    this.stream = stream;
    this.registry = this.registry.copy();
    const { wallOffsetMs } = this.time;
    const nowMs = this.time.monotonicMs();
    this.time = new FakeTime();
    this.time.wallOffsetMs = wallOffsetMs + nowMs;
  }

  connect(gateway: FakeGateway): Promise<void> {
    return this.reconnect(gateway, {});
  }

  /** `change`: of the hello; undefined: none is said. */
  async reconnect(gateway: FakeGateway, change: Partial<Hello> | undefined): Promise<void> {
    this.#accept?.(gateway.connect() as never, gateway.peer as never);
    if (change !== undefined) gateway.hello(change);
    await this.run(20);
  }

  /** Takes changed rules while it runs. */
  async reconfigure(change: Partial<HubRules>): Promise<void> {
    const rules = { regions: [], keyPrefix: "tst", checkKey: () => undefined };
    const taken = this.hub?.reconfigure({
      ...{ ...rules, journalSizeMaxBytes: 2 ** 30, limits: [] },
      ...change,
    });
    await this.run(20);
    await taken;
  }

  async run(ms: number): Promise<void> {
    await this.time.advance(ms);
    await settle();
  }
}
