/**
 * The hub's part of the status page: plans who probes whom, judges regions by what they find, opens and closes incidents, keeps
 * 90 days of hours, and sends the public document to every gateway. Nothing else of the hub waits for it.
 */

import type { EpochMs } from "../base/words.ts";
import type { Clock, Random, Timer, Timers } from "../ports/clock.ts";
import type { HubMessage } from "../ports/link.ts";
import type { Log } from "../ports/log.ts";
import type { SavedStatus, StatusStore } from "../ports/status-store.ts";
import type { ProbeResult } from "../status/probe.ts";
import { firstDayMs, ProbeHistory } from "../status/probe-history.ts";
import { encodeStatus, type PublicStatus, publicStatus } from "../status/public-status.ts";
import { type Look, type RegionState, RegionWatch, silentMs } from "../status/region-watch.ts";
import { IncidentBook } from "./incident-book.ts";
import { type ProbedRegion, probersOf, targetsOf } from "./probe-plan.ts";

/** A gateway's session, as far as this desk knows it. */
export interface StatusGateway {
  readonly region: string;
  readonly process: number;
  readonly listen: string;
  /** It is sent plans and documents. */
  readonly takesStatus: boolean;
  readonly isOpen: boolean;
  /** When it was heard last, monotonic. */
  readonly heardMs: number;
  /** On their way to it. */
  readonly bufferedBytes: number;
  send(message: HubMessage, payload?: Uint8Array): void;
}

/** What sessions tell the desk. */
export interface StatusListener {
  welcomed(gateway: StatusGateway): void;
  probed(gateway: StatusGateway, results: readonly ProbeResult[]): void;
}

export interface StatusDeskParts {
  readonly store: StatusStore;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  readonly timeMs: () => EpochMs;
  /** Of the API, for the page; "": none. */
  readonly name: () => string;
  /** Those of the configuration in force. */
  readonly regions: () => readonly ProbedRegion[];
}

/** How often regions are judged, ms. */
const lookEveryMs = 250;
/** Between two saves of hours; what a crash loses. */
const saveEveryMs = 10_000;
/** Figures change this often for readers; states and incidents at once. */
const figuresEveryMs = 60_000;
/** After a start gateways need a moment to connect: until then no region that was not heard is down. */
export const statusSettleMs = 10_000;
/** A look that comes so late: the hub was paused itself, and silence was its own. */
const pausedMs = 1_000;
/** Up for so long, an outage is over. */
const calmMs = 1_000;
/** Bytes on their way to a gateway above which the document waits: it is the newest that it needs, and not each. */
const statusBufferedMax = 2_097_152;
/** Results that are older than this, or from the future by more than the other, are not taken. */
const resultAgeMsMax = 86_400_000;
const resultAheadMsMax = 5_000;

export interface StatusDocument {
  readonly status: PublicStatus;
  /** The same, encoded. */
  readonly text: string;
  readonly edition: string;
}

interface Region {
  readonly name: string;
  readonly watch: RegionWatch;
  readonly history: ProbeHistory;
  /** Monotonic. */
  heardMs: number;
  state: RegionState;
  sinceMs: EpochMs;
  /** Since when it has been up without a break, monotonic; -1: it is not. */
  calmSinceMs: number;
}

const utf8 = new TextEncoder();
/** A plan without targets. */
const nothing = "[]";

export class StatusDesk implements StatusListener {
  readonly #parts: StatusDeskParts;
  readonly incidents: IncidentBook;
  readonly feedId: string;
  readonly #regions = new Map<string, Region>();
  readonly #gateways = new Set<StatusGateway>();
  /** What each was told to probe. */
  readonly #plans = new Map<StatusGateway, string>();
  /** Those that could not take the newest document. */
  readonly #behind = new Set<StatusGateway>();
  readonly #timers: Timer[] = [];
  /** Of this start: editions are counted anew in each. */
  readonly #name: string;
  #lookedMs: number;
  #composedMs = 0;
  readonly #settledByMs: number;
  #isSettled = false;
  #isDirty = true;
  #isSaving = false;
  #status: PublicStatus;
  #text = "";
  #bytes: Uint8Array = new Uint8Array(0);
  #edition = 0;

  /** Reads what was kept; rejects with `status-failed` if it cannot. Nothing is judged before `start`. */
  static async open(parts: StatusDeskParts): Promise<StatusDesk> {
    const nowMs = parts.timeMs();
    const names = parts.regions().map(({ name }) => name);
    const histories = new Map(names.map((name) => [name, new ProbeHistory(name)]));
    const saved = await parts.store.load(firstDayMs(nowMs), (hours) => {
      for (const hour of hours) histories.get(hour.region)?.load(hour, nowMs);
    });
    const desk = new StatusDesk(parts, { ...saved, histories });
    desk.#compose();
    return desk;
  }

  private constructor(
    parts: StatusDeskParts,
    saved: SavedStatus & { readonly histories: ReadonlyMap<string, ProbeHistory> },
  ) {
    this.#parts = parts;
    this.feedId = saved.feedId;
    this.incidents = new IncidentBook({
      ...parts,
      incidents: saved.incidents,
      onChanged: () => {
        this.#isDirty = true;
        this.#publish();
      },
    });
    this.#name = parts.random.hex(4);
    this.#lookedMs = parts.clock.monotonicMs();
    this.#settledByMs = this.#lookedMs + statusSettleMs;
    this.#status = publicStatus({ name: "", nowMs: parts.timeMs(), regions: [], incidents: [] });
    this.#followRegions(saved.histories);
  }

  start(): void {
    const { timers } = this.#parts;
    this.#timers.push(
      timers.every(lookEveryMs, () => this.#look()),
      timers.every(saveEveryMs, () => void this.#save()),
    );
  }

  /** Saves what is not saved; the store is the caller's to close. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    await this.#save();
    await this.incidents.settled();
  }

  /** The public document, and a name that is another's as soon as the document is. */
  document(): StatusDocument {
    const edition = `${this.#name}-${this.#edition}`;
    return { status: this.#status, text: this.#text, edition };
  }

  welcomed(gateway: StatusGateway): void {
    this.#gateways.add(gateway);
    this.#tell(gateway);
    this.#plan();
  }

  probed(gateway: StatusGateway, results: readonly ProbeResult[]): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const timeMs = this.#parts.timeMs();
    // Another of its region's processes does that now.
    if ((this.#plans.get(gateway) ?? nothing) === nothing) return;
    const changed = new Set<Region>();
    for (const result of results) {
      const region = this.#regions.get(result.region);
      const isTimely =
        result.atMs > timeMs - resultAgeMsMax && result.atMs <= timeMs + resultAheadMsMax;
      if (region === undefined || region.name === gateway.region || !isTimely) continue;
      const weightMs = region.watch.report(gateway.region, bounded(result), nowMs);
      if (weightMs === 0) continue;
      region.history.note(bounded(result), weightMs);
      changed.add(region);
    }
    this.#hear();
    for (const region of changed) this.#judgeRegion(region, nowMs);
    this.#publish();
  }

  #look(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const elapsedMs = nowMs - this.#lookedMs;
    this.#lookedMs = nowMs;
    this.#followRegions();
    if (elapsedMs > pausedMs) {
      for (const region of this.#regions.values()) region.heardMs = Math.max(region.heardMs, nowMs);
    }
    this.#hear();
    for (const region of this.#regions.values()) this.#judgeRegion(region, nowMs);
    this.#noteUnobserved(Math.min(elapsedMs, pausedMs));
    this.#plan();
    this.#publish();
    // A copy: one that is still behind is put back.
    for (const gateway of [...this.#behind]) this.#tell(gateway);
  }

  /** Those of the configuration, which may change. */
  #followRegions(histories?: ReadonlyMap<string, ProbeHistory>): void {
    const named = this.#parts.regions();
    const nowMs = this.#parts.clock.monotonicMs();
    for (const { name } of named) {
      if (this.#regions.has(name)) continue;
      this.#regions.set(name, {
        ...{ name, watch: new RegionWatch() },
        history: histories?.get(name) ?? new ProbeHistory(name),
        ...{ heardMs: nowMs + statusSettleMs, state: "unknown", sinceMs: 0, calmSinceMs: -1 },
      });
      this.#isDirty = true;
    }
    for (const name of this.#regions.keys()) {
      if (named.some((region) => region.name === name)) continue;
      this.#regions.delete(name);
      this.incidents.regionGone(name, this.#parts.timeMs());
      this.#isDirty = true;
    }
  }

  /** When each region was heard last. */
  #hear(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    for (const gateway of this.#gateways) {
      const region = this.#regions.get(gateway.region);
      if (region === undefined) continue;
      const isFirst = region.heardMs > nowMs;
      region.heardMs = isFirst ? gateway.heardMs : Math.max(region.heardMs, gateway.heardMs);
    }
  }

  #judgeRegion(region: Region, nowMs: number): void {
    const timeMs = this.#parts.timeMs();
    const look = this.#lookAt(region, nowMs);
    const isObserved = region.watch.isObserved(look);
    // Not heard since the start, and nobody has looked: there is nothing to say yet.
    if (!isObserved && region.heardMs > nowMs) return;
    const verdict = region.watch.judge(look);
    if (verdict.state !== region.state) {
      region.state = verdict.state;
      region.sinceMs = Math.round(verdict.sinceMs === 0 ? timeMs : verdict.sinceMs);
      this.#isDirty = true;
      this.#parts.log.info("a region's public state changed", {
        ...{ of: region.name, state: verdict.state, why: verdict.why },
      });
    }
    if (verdict.state !== "up") {
      region.calmSinceMs = -1;
      this.incidents.failing(region.name, verdict, timeMs);
      return;
    }
    if (region.calmSinceMs < 0) region.calmSinceMs = nowMs;
    if (nowMs - region.calmSinceMs >= calmMs) this.incidents.well(region.name, verdict, timeMs);
  }

  #lookAt(region: Region, nowMs: number): Look {
    const isHeard = (observer: string): boolean => {
      const heardMs = this.#regions.get(observer)?.heardMs ?? Number.NEGATIVE_INFINITY;
      return nowMs - heardMs < silentMs;
    };
    return { nowMs, timeMs: this.#parts.timeMs(), heardMs: region.heardMs, isHeard };
  }

  /** Where nobody could look, the hub's own link stands for a probe. */
  #noteUnobserved(forMs: number): void {
    const { clock, timeMs } = this.#parts;
    const nowMs = clock.monotonicMs();
    for (const region of this.#regions.values()) {
      if (region.state === "unknown") continue;
      if (region.watch.isObserved(this.#lookAt(region, nowMs))) continue;
      region.history.noteHeard(timeMs(), { isUp: region.state !== "down", forMs });
    }
  }

  #plan(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const regions = this.#parts.regions();
    for (const gateway of this.#gateways) {
      if (gateway.isOpen) continue;
      this.#gateways.delete(gateway);
      this.#behind.delete(gateway);
      this.#plans.delete(gateway);
    }
    const takers = [...this.#gateways].filter(({ takesStatus }) => takesStatus);
    const known = takers.map((gateway) => ({
      ...{ region: gateway.region, process: gateway.process, listen: gateway.listen, gateway },
      isHeard: nowMs - gateway.heardMs < silentMs,
    }));
    const probers = probersOf(known);
    for (const { gateway, region } of known) {
      const isProber = probers.get(region)?.gateway === gateway;
      const targets = isProber ? targetsOf(region, regions, known) : [];
      const told = JSON.stringify(targets);
      // Also one that is to ask nobody: it may have been told otherwise, by an earlier hub.
      if (this.#plans.get(gateway) === told) continue;
      gateway.send({ kind: "probe-plan", targets });
      this.#plans.set(gateway, told);
    }
    for (const region of this.#regions.values()) {
      region.watch.forget((observer) => this.#regions.has(observer));
    }
  }

  #publish(): void {
    this.#settle();
    const isDue = this.#parts.clock.monotonicMs() - this.#composedMs >= figuresEveryMs;
    if (!this.#isDirty && !isDue) return;
    this.#compose();
    for (const gateway of this.#gateways) this.#tell(gateway);
  }

  /** Every region is known of, or had the time to connect. */
  #settle(): void {
    if (this.#isSettled) return;
    const isOver = this.#parts.clock.monotonicMs() >= this.#settledByMs;
    const isKnown = [...this.#regions.values()].every(({ state }) => state !== "unknown");
    if (!isOver && !isKnown) return;
    this.#isSettled = true;
    this.#isDirty = true;
  }

  #compose(): void {
    const { clock, timeMs, regions } = this.#parts;
    const shown = regions().flatMap(({ name }) => this.#regions.get(name) ?? []);
    const incidents = this.incidents.all();
    const name = this.#parts.name();
    this.#status = publicStatus({ name, nowMs: timeMs(), regions: shown, incidents });
    this.#text = encodeStatus(this.#status, (text) => utf8.encode(text).length);
    this.#bytes = utf8.encode(this.#text);
    this.#edition++;
    this.#isDirty = false;
    this.#composedMs = clock.monotonicMs();
  }

  #tell(gateway: StatusGateway): void {
    this.#behind.delete(gateway);
    if (!gateway.takesStatus || !gateway.isOpen) return;
    // What gateways have from an earlier start says more than a hub that has just begun.
    if (!this.#isSettled) return;
    if (gateway.bufferedBytes > statusBufferedMax) this.#behind.add(gateway);
    else gateway.send({ kind: "public-status" }, this.#bytes);
  }

  async #save(): Promise<void> {
    if (this.#isSaving) return;
    this.#isSaving = true;
    const { store, timeMs, log } = this.#parts;
    const nowMs = timeMs();
    const regions = [...this.#regions.values()];
    const unsaved = regions.map(({ history }) => ({ history, hours: history.takeUnsaved() }));
    try {
      const hours = unsaved.flatMap((one) => one.hours);
      if (hours.length > 0) await store.saveHours(hours, firstDayMs(nowMs));
      for (const { history } of unsaved) history.forget(nowMs);
    } catch (error) {
      log.error("hours of the status page could not be saved; trying again", {}, error);
      for (const { history, hours } of unsaved) history.giveBack(hours);
    } finally {
      this.#isSaving = false;
    }
  }
}

/** Figures come from a gateway: what cannot be is made into what can. */
function bounded(result: ProbeResult): ProbeResult {
  const within = (ms: number): number => Math.min(Math.max(ms, 0), 60_000);
  return { ...result, tookMs: within(result.tookMs), latencyMs: within(result.latencyMs) };
}
