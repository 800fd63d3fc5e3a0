/**
 * T4 and T5: gateways are parted from the hub while every region is called with the same keys. Each cut has keys of its own, whose quotas
 * run out in the middle of it: what was admitted beyond them is held against the bound of the theory, and all of it against the callers' books.
 */

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type Answered, CallLedger } from "./call-ledger.ts";
import { regionNames } from "./configs.ts";
import { type Cut, cutOff, cutOffRegions, type Span } from "./cut.ts";
import { assertAgreed } from "./exactness.ts";
import { FarFleet } from "./far-fleet.ts";
import type { FleetOptions } from "./fleet.ts";

/** `soft`: a quota alone. `guarded`: with `staleness` and a rate. `strict`: by leases, never exceeded. */
export type LimitKind = "soft" | "guarded" | "strict";

export interface CutSetting {
  readonly cuts: readonly Cut[];
  readonly limits: readonly LimitKind[];
  /** To all regions together, spread evenly over the kinds of limit. */
  readonly perSecond: number;
  /** Of the guarded limits, in whole seconds or below one. */
  readonly stalenessMs: number;
}

/** From the first call to the cut. */
const calmMs = 700;
/** Between healing and the last call. */
const afterMs = 200;
const connectionsPerRegion = 12;
/** T5: equal totals after healing. */
const agreedMsMax = 3_000;
/** More than a charge takes to be seen elsewhere while nothing is cut, the machine being busy. */
const lagMsMax = 500;
/** Units a second that a guarded key may spend at one producer: less than is asked for. */
const rateShare = 0.8;

const regionCount = regionNames.length;

export interface LimitFigures {
  readonly kind: LimitKind;
  readonly quota: number;
  readonly total: number;
  readonly overshoot: number;
  readonly boundUnits: number;
  /** 503: cut off for longer than `staleness`. */
  readonly refusedStale: number;
}

export interface CutFigures {
  readonly cut: Cut;
  readonly limits: readonly LimitFigures[];
  /** From healing to equal totals in all regions. */
  readonly agreedMs: number;
}

export class CutRun {
  readonly far: FarFleet;
  readonly #setting: CutSetting;

  private constructor(far: FarFleet, setting: CutSetting) {
    this.far = far;
    this.#setting = setting;
  }

  /** Beside the limits' plans there is one without end, `huge`. */
  static async start(setting: CutSetting, config: FleetOptions["config"] = {}): Promise<CutRun> {
    return new CutRun(await FarFleet.start(plansOf(setting), { config }), setting);
  }

  stop(): Promise<void> {
    return this.far.stop();
  }

  async run(index: number): Promise<CutFigures> {
    const { fleet } = this.far;
    const cut = this.#setting.cuts[index] as Cut;
    const keys = new Map<string, string>();
    const keyOf = {} as Record<LimitKind, string>;
    for (const kind of this.#setting.limits) {
      const { key, id } = await fleet.createKnownKey(`${kind}${index}`);
      keys.set(key, id);
      keyOf[kind] = key;
    }
    const ledger = new CallLedger({
      targets: regionNames.map((region) => ({ region, url: fleet.url(region) })),
      keys: [...keys.keys()],
      perSecond: this.#setting.perSecond,
      connections: connectionsPerRegion,
    });
    ledger.start();
    let span: Span;
    try {
      await sleep(calmMs);
      span = await cutOff(this.far, cut);
      await sleep(afterMs);
    } finally {
      await ledger.stop();
    }
    const withinMs = agreedMsMax - (performance.now() - span.toMs);
    const { totals } = await assertAgreed(fleet, ledger, { keys, withinMs });
    const agreedMs = performance.now() - span.toMs;

    const limits = this.#setting.limits.map((kind) => {
      const calls = ledger.answered.filter(({ key }) => key === keyOf[kind]);
      const total = totals.get(keyOf[kind]) ?? 0;
      return this.#hold({ kind, cut, span, calls, total });
    });
    return { cut, limits, agreedMs };
  }

  /** Asserts what must hold of one limit. */
  #hold({ kind, cut, span, calls, total }: Held): LimitFigures {
    const quota = quotaOf(this.#setting, cut);
    const overshoot = Math.max(0, total - quota);
    const { stalenessMs } = this.#setting;
    const refused = calls.filter(({ status }) => status === 429).length;
    const admitted = calls.filter(({ status }) => status === 200);
    const boundUnits = boundOf(kind, this.#setting, unseenUnits(admitted, span));
    if (kind === "guarded") assertGuarded(calls, cut, { span, stalenessMs });
    if (kind === "soft" && refused > 0) {
      assert.ok(total >= quota, `refused at ${total} of ${quota}`);
    }
    const figures = { kind, quota, total, overshoot, boundUnits };
    assert.ok(overshoot <= boundUnits, `overshoot within its bound: ${JSON.stringify(figures)}`);
    return { ...figures, refusedStale: calls.filter(({ status }) => status === 503).length };
  }
}

interface Held {
  readonly kind: LimitKind;
  readonly cut: Cut;
  readonly span: Span;
  readonly calls: readonly Answered[];
  readonly total: number;
}

/**
 * Theorem 1 with the callers' books: beyond the quota is at most what the one that admitted last could not see, which is
 * what the others admitted since the cut, and a lag before it.
 */
function unseenUnits(admitted: readonly Answered[], { fromMs }: Span): number {
  const since = admitted.filter((call) => call.dueMs + call.latencyMs >= fromMs - lagMsMax);
  const ofRegion = regionNames.map((name) => since.filter(({ region }) => region === name).length);
  return since.length - Math.min(...ofRegion);
}

function boundOf(kind: LimitKind, setting: CutSetting, unseen: number): number {
  if (kind === "strict") return 0;
  return kind === "guarded" ? Math.min(unseen, guardedBound(setting)) : unseen;
}

/** Theorem 2: 2(N − 1)(rτ + b). Fixed windows of a second let (τ + 1 s)·rate through in any τ. */
function guardedBound(setting: CutSetting): number {
  const inTau = ratePerSecond(setting) * (Math.ceil(setting.stalenessMs / 1_000) + 1);
  return 2 * (regionCount - 1) * inTau;
}

/** What a region is sent later than τ after it was cut off it refuses: it heard no answer to a heartbeat of after that. */
function assertGuarded(
  calls: readonly Answered[],
  cut: Cut,
  { span, stalenessMs }: { readonly span: Span; readonly stalenessMs: number },
): void {
  const late = calls.filter(
    ({ region, sentMs, dueMs, latencyMs }) =>
      cutOffRegions(cut).includes(region) &&
      sentMs > span.fromMs + stalenessMs &&
      dueMs + latencyMs < span.toMs,
  );
  const accepted = late.filter(({ status }) => status === 200);
  assert.equal(
    accepted.length,
    0,
    `accepted by a region cut off for longer than ${stalenessMs} ms`,
  );
  if (cutOffRegions(cut).length > 0 && cut.cutMs > 1.5 * stalenessMs) {
    assert.ok(
      late.some(({ status }) => status === 503),
      "the guard was asked",
    );
  }
}

function plansOf(setting: CutSetting): string {
  const rate = `{ name: rate, per: key, quota: ${ratePerSecond(setting)}, window: second }`;
  const huge = "huge: { limits: [{ name: month, per: key, quota: 1000000000, window: month }] }";
  const plans = setting.cuts.flatMap((cut, index) => {
    const month = `name: month, per: key, quota: ${quotaOf(setting, cut)}, window: month`;
    const limitsOf: Record<LimitKind, string> = {
      soft: `{ ${month} }`,
      guarded: `{ ${month}, staleness: ${setting.stalenessMs}ms }, ${rate}`,
      strict: `{ ${month}, enforcement: strict }`,
    };
    return setting.limits.map((kind) => `${kind}${index}: { limits: [${limitsOf[kind]}] }`);
  });
  return [huge, ...plans].join("\n  ");
}

function perKeyAndSecond({ perSecond, limits }: CutSetting): number {
  return perSecond / limits.length;
}

/** Used up a third into the cut, where all regions saw each other. */
function quotaOf(setting: CutSetting, { cutMs }: Cut): number {
  return Math.round((perKeyAndSecond(setting) * (calmMs + cutMs / 3)) / 1_000);
}

function ratePerSecond(setting: CutSetting): number {
  return Math.round((perKeyAndSecond(setting) / regionCount) * rateShare);
}

/** One line for people. */
export function describeCut({ cut, limits, agreedMs }: CutFigures): string {
  const told = limits.map(
    ({ kind, quota, total, overshoot, boundUnits, refusedStale }) =>
      `${kind} ${total} of ${quota}, overshoot ${overshoot}, bound ${boundUnits}` +
      (kind === "guarded" ? `, ${refusedStale} refused as stale` : ""),
  );
  return (
    `${cut.kind} ${cut.regions.join("+")} ${cut.cutMs} ms: ${told.join("; ")}; ` +
    `equal everywhere ${Math.round(agreedMs)} ms afterwards`
  );
}
