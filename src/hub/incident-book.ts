/** All incidents that are kept: what probes open and close, and what the operator writes. Each change is stored, then shown. */

import { TallygateError } from "../base/errors.ts";
import type { EpochMs } from "../base/words.ts";
import type { Random } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { StatusStore } from "../ports/status-store.ts";
import {
  changedIncident,
  continued,
  type Impact,
  type Incident,
  keptIncidents,
  openIncidentsMax,
  outageIncident,
  type Phase,
  reopenMsMax,
  resolvedByProbes,
  withUpdate,
} from "../status/incident.ts";
import type { Verdict } from "../status/region-watch.ts";

export interface IncidentDraft {
  readonly regions: readonly string[];
  readonly impact: Impact;
  readonly title: string;
  readonly startedAtMs: EpochMs;
  /** 0: it goes on. */
  readonly endedAtMs: EpochMs;
  readonly phase: Phase;
  readonly text: string;
}

export interface IncidentChange {
  readonly regions?: readonly string[];
  readonly impact?: Impact;
  readonly title?: string;
  readonly startedAtMs?: EpochMs;
  readonly endedAtMs?: EpochMs;
  readonly hidden?: boolean;
}

export interface IncidentBookParts {
  readonly store: StatusStore;
  readonly random: Random;
  readonly log: Log;
  readonly timeMs: () => EpochMs;
  readonly incidents: readonly Incident[];
  readonly onChanged: () => void;
}

export class IncidentBook {
  readonly #parts: IncidentBookParts;
  readonly #byId = new Map<string, Incident>();
  /** Outages that go on, by region. */
  readonly #outages = new Map<string, string>();
  /** Regions whose outage the operator has ended while it went on: no new one until they were well. */
  readonly #ended = new Set<string>();
  /** Writes, one after the other. */
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: IncidentBookParts) {
    this.#parts = parts;
    for (const incident of parts.incidents) this.#keep(incident);
  }

  /** Newest first. */
  all(): readonly Incident[] {
    return keptIncidents(this.#byId.values());
  }

  get(id: string): Incident | undefined {
    return this.#byId.get(id);
  }

  /** Resolves when everything that was changed is stored, or was tried. */
  settled(): Promise<void> {
    return this.#writing.catch(() => {});
  }

  /** Probes say that a region is not up. */
  failing(region: string, verdict: Verdict, nowMs: EpochMs): void {
    if (this.#ended.has(region)) return;
    const known = this.#outage(region) ?? this.#justEnded(region, nowMs);
    const id = known?.id ?? this.#parts.random.hex(8);
    const next =
      known === undefined
        ? outageIncident({ id, region, verdict, nowMs })
        : continued(known, verdict, nowMs);
    if (next !== known) this.#putByProbes(next);
  }

  /** Probes say that a region is up, and was for a while. */
  well(region: string, verdict: Verdict, nowMs: EpochMs): void {
    this.#ended.delete(region);
    const open = this.#outage(region);
    if (open !== undefined) this.#putByProbes(resolvedByProbes(open, verdict, nowMs));
  }

  /** The configuration has it no more. */
  regionGone(region: string, nowMs: EpochMs): void {
    this.well(region, { state: "up", sinceMs: nowMs, why: "" }, nowMs);
  }

  /** Rejects with `too-busy` while too many go on, `request-invalid`, `status-failed` if it cannot be stored. */
  open(draft: IncidentDraft): Promise<Incident> {
    this.check(draft);
    const nowMs = this.#nowMs();
    const { phase, text, ...rest } = draft;
    return this.#put({
      ...{ ...rest, id: this.#parts.random.hex(8), outageOf: "", hidden: false, version: 1 },
      updates: [{ atMs: nowMs, phase, text }],
      changedAtMs: nowMs,
    });
  }

  /** Fails as `open` would, but for the store. */
  check(draft: IncidentDraft): void {
    checkTimes(draft);
    const open = [...this.#byId.values()].filter((one) => one.endedAtMs === 0 && !one.outageOf);
    if (draft.endedAtMs === 0 && open.length >= openIncidentsMax) {
      throw new TallygateError("too-busy", `${openIncidentsMax} incidents go on already; end one`);
    }
  }

  /** `version` undefined: whatever it is. Fails with `not-found`, `changed-meanwhile`, `request-invalid`, `status-failed`. */
  change(id: string, version: number | undefined, change: IncidentChange): Promise<Incident> {
    const known = this.#known(id, version);
    return this.#put(changedIncident(known, this.#nowMs(), change), known);
  }

  /** Adds what is to be told. `resolved` ends an incident that goes on. Fails like `change`. */
  addUpdate(
    id: string,
    version: number | undefined,
    update: { readonly phase: Phase; readonly text: string },
  ): Promise<Incident> {
    const known = this.#known(id, version);
    const nowMs = this.#nowMs();
    const isEnd = update.phase === "resolved" && known.endedAtMs === 0;
    const change = {
      updates: withUpdate(known, { atMs: nowMs, ...update }),
      ...(isEnd && { endedAtMs: Math.max(nowMs, known.startedAtMs) }),
    };
    return this.#put(changedIncident(known, nowMs, change), known);
  }

  #nowMs(): EpochMs {
    return Math.round(this.#parts.timeMs());
  }

  #known(id: string, version: number | undefined): Incident {
    const known = this.#byId.get(id);
    if (known === undefined) throw new TallygateError("not-found", "There is no such incident.");
    if (version === undefined || version === known.version) return known;
    throw new TallygateError("changed-meanwhile", "The incident has changed; read it again.");
  }

  #outage(region: string): Incident | undefined {
    return this.#byId.get(this.#outages.get(region) ?? "");
  }

  /** So shortly ago that it is the same. */
  #justEnded(region: string, nowMs: EpochMs): Incident | undefined {
    return this.all().find(
      ({ outageOf, endedAtMs }) => outageOf === region && nowMs - endedAtMs < reopenMsMax,
    );
  }

  /** What is so is so, stored or not: a full disk must not keep an outage off the page. */
  #putByProbes(incident: Incident): void {
    this.#keep(incident);
    this.#store(incident).catch((error: unknown) => {
      this.#parts.log.error("an incident could not be stored", { incident: incident.id }, error);
    });
    this.#parts.onChanged();
  }

  /** In the book at once, so that what comes next builds on it; taken back if it cannot be stored. */
  async #put(incident: Incident, before?: Incident): Promise<Incident> {
    const { outageOf, id, version } = incident;
    checkTimes(incident);
    const open = this.#outage(outageOf);
    if (incident.endedAtMs === 0 && open !== undefined && open.id !== id) {
      throw new TallygateError("request-invalid", "another outage of this region goes on");
    }
    this.#keep(incident);
    try {
      await this.#store(incident);
    } catch (error) {
      if (this.#byId.get(id)?.version === version) {
        if (before === undefined) this.#byId.delete(id);
        else this.#keep(before);
      }
      throw error;
    }
    if (outageOf !== "") {
      if (incident.endedAtMs === 0) this.#ended.delete(outageOf);
      else if (before?.endedAtMs === 0) this.#ended.add(outageOf);
    }
    this.#parts.onChanged();
    return incident;
  }

  #keep(incident: Incident): void {
    const { id, outageOf, endedAtMs } = incident;
    this.#byId.set(id, incident);
    if (outageOf === "") return;
    if (endedAtMs === 0) this.#outages.set(outageOf, id);
    else if (this.#outages.get(outageOf) === id) this.#outages.delete(outageOf);
  }

  #store(incident: Incident): Promise<void> {
    const ids = new Set(this.all().map(({ id }) => id));
    const dropped = [...this.#byId.keys()].filter((id) => !ids.has(id));
    for (const id of dropped) this.#byId.delete(id);
    const stored = this.settled().then(() => this.#parts.store.saveIncident(incident, dropped));
    this.#writing = stored;
    return stored;
  }
}

function checkTimes(of: Pick<Incident, "startedAtMs" | "endedAtMs">): void {
  const { startedAtMs, endedAtMs } = of;
  if (endedAtMs === 0 || endedAtMs >= startedAtMs) return;
  throw new TallygateError("request-invalid", "endedAt is before startedAt");
}
