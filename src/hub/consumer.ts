/**
 * From the durable stream into the fold: to its end at the start, before anything is published or any gateway
 * is welcomed, and then record by record as they become durable.
 */

import { assert } from "../base/assert.ts";
import { TallygateError } from "../base/errors.ts";
import type { Position } from "../base/words.ts";
import type { FoldOutcome } from "../metering/fold.ts";
import type { Timers } from "../ports/clock.ts";
import type { StreamRecord, UsageStream } from "../ports/usage-stream.ts";
import type { HubState } from "./hub-state.ts";

/** Bytes read from the stream at a time while catching up: some tens of milliseconds of folding. */
export const readBytes = 4 * 1024 * 1024;

export interface ConsumerEvents {
  /** After each group of records. */
  onFolded(): void;
  /** A record was left out because its bytes do not check out. */
  onDamaged(position: Position, reason: string): void;
  onOutcome(outcome: FoldOutcome): void;
}

/**
 * Applies the stream's records from the state's position on until its end. `onRead` runs after each chunk, and may
 * take away what gathered.
 */
export async function applyStream(
  source: { stream: UsageStream; timers: Timers },
  state: { readonly position: Position; apply(record: StreamRecord): void },
  options: { upTo?: Position; onRead?: () => void | Promise<void> } = {},
): Promise<void> {
  const { stream, timers } = source;
  const end = options.upTo ?? stream.last;
  while (state.position < end) {
    const from = state.position + 1;
    const records = await stream.read(from, readBytes);
    if (records[0]?.position !== from) {
      throw new TallygateError(
        "stream-damaged",
        `the usage stream has no record ${from}, which the fold needs next`,
      );
    }
    for (const record of records) {
      if (record.position > end) break;
      state.apply(record);
    }
    await options.onRead?.();
    await new Promise<void>((resolve) => timers.atTurnEnd(resolve));
  }
}

/**
 * Folds from the ledger's position to the end of the durable stream. Nobody may append before this resolves.
 * `onDamaged`: a record was left out because its bytes do not check out.
 */
export async function foldToEnd(
  source: { stream: UsageStream; timers: Timers },
  state: HubState,
  onDamaged: (position: Position, reason: string) => void,
): Promise<void> {
  const { stream } = source;
  const { position } = state;
  if (stream.last < position) {
    throw new TallygateError(
      "data-damaged",
      `the usage stream ends at record ${stream.last}, before the ledger's ${position}; put the stream's file back, or restore a backup`,
    );
  }
  if (stream.first > position + 1) {
    throw new TallygateError(
      "data-damaged",
      `the usage stream begins at record ${stream.first}, but the ledger needs it from ${position + 1}; use replay from a sealed checkpoint`,
    );
  }
  const target = {
    get position() {
      return state.position;
    },
    apply(record: StreamRecord) {
      const { reason } = state.apply(record);
      if (reason !== undefined) onDamaged(record.position, reason);
    },
  };
  // Published later, in one snapshot: until then the change logs must not grow without bound.
  await applyStream(source, target, { onRead: () => void state.totals.takeFeedChanges() });
}

/** Folds records as they become durable. The state must be at the stream's end. */
export class Consumer {
  readonly #state: HubState;
  readonly #events: ConsumerEvents;
  /** Also given every record, in the same turn: `verify` follows the fold with it. */
  tap: ((record: StreamRecord) => void) | undefined;

  constructor(stream: UsageStream, state: HubState, events: ConsumerEvents) {
    this.#state = state;
    this.#events = events;
    stream.onDurable((records) => {
      for (const record of records) this.#apply(record);
      events.onFolded();
    });
  }

  #apply(record: StreamRecord): void {
    assert(record.position === this.#state.position + 1, "records come in order, each once");
    const { outcome, reason } = this.#state.apply(record);
    this.#events.onOutcome(outcome);
    if (reason !== undefined) this.#events.onDamaged(record.position, reason);
    this.tap?.(record);
  }
}
