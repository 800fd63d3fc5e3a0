/**
 * Computes every total again from the last sealed checkpoint and the stream, and compares: with the ledger at a
 * checkpoint, with the running hub, and with every gateway's view at one version. Traffic goes on meanwhile; only the
 * ledger is not written while it is read. Takes the memory of a second set of totals.
 */

import { TallygateError } from "../base/errors.ts";
import type { EpochMs, Position } from "../base/words.ts";
import type { Clock, Timers } from "../ports/clock.ts";
import type { FoldCheckpoint, LedgerStore } from "../ports/ledger-store.ts";
import type { StreamRecord, UsageStream } from "../ports/usage-stream.ts";
import { auditGateway } from "./audit.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { applyStream, type Consumer } from "./consumer.ts";
import { Differences } from "./differences.ts";
import type { GatewaySession } from "./gateway-session.ts";
import type { VerifyReport } from "./hub-api.ts";
import type { HubState } from "./hub-state.ts";
import { checkHub, checkLeases, checkLedger } from "./ledger-check.ts";
import { problemsMax, Recomputation } from "./recomputation.ts";
import type { Replicator } from "./replicator.ts";
import { RowCheck } from "./row-check.ts";
import type { Sealer } from "./sealer.ts";

export interface VerificationParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly state: HubState;
  readonly stream: UsageStream;
  readonly ledger: LedgerStore;
  readonly replicator: Replicator;
  readonly consumer: Consumer;
  readonly sealer: Sealer;
  readonly checkpoints: Checkpoints;
  /** Those that are connected now. */
  readonly sessions: () => readonly GatewaySession[];
  readonly regions: readonly { readonly name: string; readonly processes: number }[];
  readonly hubTimeMs: () => EpochMs;
  /** Makes the ledger a sealed checkpoint if it is right. */
  readonly seal: boolean;
}

/** A little longer than a gateway waits between two attempts to connect, at most (3 s). */
export const connectWaitMs = 4_000;
const connectLookMs = 50;

type RegionResult = VerifyReport["regions"][number];

export class Verification {
  readonly #parts: VerificationParts;
  readonly #differences = new Differences();
  readonly #rows = new RowCheck();
  readonly #again = new Recomputation((rows) => this.#rows.add(rows));
  readonly #problems: string[] = [];
  #sealedPosition: Position = 0;
  #cancelled = false;

  constructor(parts: VerificationParts) {
    this.#parts = parts;
  }

  /** The report then says what was found so far, and that it is not all. */
  cancel(): void {
    this.#cancelled = true;
  }

  async run(): Promise<VerifyReport> {
    const { consumer, checkpoints, stream, ledger, state, timers } = this.#parts;
    await this.#loadSealed();
    await this.#recompute(stream.last);
    await checkpoints.hold((fold) => this.#checkLedger(fold));
    try {
      await this.#follow();
      const isCancelled = (): boolean => this.#cancelled;
      const to = { differences: this.#differences, timers, isCancelled };
      const books = { expected: this.#again.state.leases.all(), found: state.leases.all() };
      this.#problems.push(...checkLeases("hub", books).slice(0, problemsMax));
      await checkHub(state.totals, this.#again.totals, to);
      const regions = await this.#checkRegions();
      const { version } = this.#parts.replicator;
      const problems = [...this.#problems, ...this.#again.problems];
      if (this.#cancelled) problems.push("the hub stopped before everything was compared");
      const { count } = this.#differences;
      return {
        ok: count === 0 && problems.length === 0 && regions.every((r) => r.result === "equal"),
        version,
        sealedPosition: this.#sealedPosition,
        records: this.#again.records,
        counters: this.#again.totals.counters,
        rows: this.#rows.rows,
        differences: await this.#differences.named((window, lo, hi) =>
          ledger.subjectOf(window, lo, hi),
        ),
        differenceCount: count,
        regions,
        problems,
      };
    } finally {
      consumer.tap = undefined;
    }
  }

  async #loadSealed(): Promise<void> {
    const { sealer, stream } = this.#parts;
    const sealed = await sealer.open();
    if (sealed === undefined) {
      if (stream.first > 1) {
        throw new TallygateError(
          "data-damaged",
          `the usage stream begins at record ${stream.first} and there is no sealed checkpoint before it`,
        );
      }
      return;
    }
    try {
      await this.#again.load(sealed);
      await this.#rows.load(sealed);
      this.#sealedPosition = this.#again.position;
    } finally {
      await sealed.close();
    }
  }

  async #recompute(upTo: Position): Promise<void> {
    const target = {
      again: this.#again,
      isCancelled: () => this.#cancelled,
      get position() {
        // A stop ends the reading as if the end had come.
        return target.isCancelled() ? upTo : target.again.position;
      },
      apply: (record: StreamRecord) => this.#again.apply(record),
    };
    await applyStream(this.#parts, target, { upTo, onRead: () => this.#again.settle() });
    this.#again.settle();
  }

  /** While the ledger stays at the checkpoint. */
  async #checkLedger(fold: FoldCheckpoint): Promise<void> {
    const { ledger, sealer } = this.#parts;
    const { position } = fold.version;
    await this.#recompute(position);
    if (this.#cancelled) return;
    const expected = { totals: this.#again.totals, leases: this.#again.state.leases.all() };
    this.#problems.push(...(await checkLedger(ledger, expected, this.#differences)));
    await this.#rows.compare(ledger, this.#differences);
    const { damaged, wrongSums } = await ledger.checkUsage(problemsMax);
    for (const { dimension, length, start, value, expected, found } of wrongSums) {
      const window = `sums by ${dimension}, ${length}/${new Date(start).toISOString()}`;
      this.#differences.other({ where: "ledger", window, subject: value, expected, found });
    }
    for (const row of damaged) {
      const hour = new Date(row.hour).toISOString();
      const what = `${row.route} of ${row.key || row.address} at ${hour} in ${row.region}`;
      this.#problems.push(`the ledger's usage row for ${what} is damaged`);
    }
    const isRight = this.#differences.count === 0 && this.#problems.length === 0;
    if (this.#parts.seal && isRight && this.#again.problems.length === 0) {
      await sealer.seal(position, this.#parts.hubTimeMs());
    }
  }

  /** From here on the recomputation moves with the fold, in the same turn. */
  async #follow(): Promise<void> {
    const { consumer, state } = this.#parts;
    let waiting: StreamRecord[] | undefined = [];
    const upTo = state.position;
    consumer.tap = (record) => {
      if (waiting === undefined) {
        this.#again.apply(record);
        this.#again.settle();
      } else waiting.push(record);
    };
    await this.#recompute(upTo);
    for (const record of waiting) this.#again.apply(record);
    waiting = undefined;
    this.#again.settle();
  }

  async #checkRegions(): Promise<RegionResult[]> {
    const { regions, clock, timers, replicator, hubTimeMs } = this.#parts;
    const parts = {
      ...{ clock, timers, replicator, hubTimeMs, expected: this.#again.totals },
      differences: this.#differences,
      isCancelled: () => this.#cancelled,
    };
    const expected = regions.flatMap(({ name, processes }) =>
      Array.from({ length: processes }, (_, process) => ({ name, process })),
    );
    const asked = expected.map(async ({ name, process }) => {
      const session = await this.#sessionOf(name, process);
      const result =
        session === undefined
          ? "could not be asked: not connected"
          : await auditGateway(session, parts);
      return { name, process, result };
    });
    return Promise.all(asked);
  }

  /** The session of a process; right after a restart of the hub it may be on its way. */
  async #sessionOf(name: string, process: number): Promise<GatewaySession | undefined> {
    const { clock, timers } = this.#parts;
    const untilMs = clock.monotonicMs() + connectWaitMs;
    for (;;) {
      const session = this.#parts
        .sessions()
        .find(({ hello }) => hello?.region === name && hello.process === process);
      const isLate = this.#cancelled || clock.monotonicMs() >= untilMs;
      if (session !== undefined || isLate) return session;
      await new Promise<void>((resolve) => timers.after(connectLookMs, resolve));
    }
  }
}
