/**
 * The words that every part shares. See "Words" in ARCHITECTURE.md for their meaning.
 */

/** Milliseconds since 1970-01-01T00:00:00Z, in the hub's time unless said otherwise. */
export type EpochMs = number;

/** What a limit counts against, written `key:k_7f…`, `ip:203.0.113.7`, `header:x-team=red`. */
export type SubjectText = string;

/**
 * A subject as 64 keyed bits (two unsigned 32-bit halves). `lo` is never 0. Two subjects collide
 * with probability 2^-64 per pair; the key is drawn at random for each cluster, so that nobody
 * outside can aim for a collision.
 */
export interface Fingerprint {
  lo: number;
  hi: number;
}

/**
 * One window instance, written `<spec>/<start>` or, where the limit is regional,
 * `<spec>/<start>/<region>`: `month/2026-11-01T00:00:00Z`, `2s/2026-11-21T22:33:58Z/sydney`,
 * `month@17/2026-11-17T00:00:00Z`. The text is the identity: one counter table per WindowId.
 */
export type WindowId = string;

/** Who admits: made at random with the journal, 32 hex digits. */
export type ProducerId = string;

/** One start of a producer: 16 hex digits, random. */
export type Incarnation = string;

/** The number of a batch within one incarnation: 1, 2, 3… */
export type Seq = number;

/** A record's place in the usage stream: 1, 2, 3…; 0 is before the first. */
export type Position = number;

/**
 * A version of the totals: those of `epoch` at `position` of the stream. Versions of different
 * epochs are ordered by epoch alone.
 */
export interface Version {
  readonly epoch: number;
  readonly position: Position;
}

export const versionZero: Version = { epoch: 0, position: 0 };

/** Less than, equal to or greater than zero, as `a` is older than, the same as or newer than `b`. */
export function compareVersions(a: Version, b: Version): number {
  return a.epoch - b.epoch || a.position - b.position;
}

/** `producer/incarnation`: the name under which a watermark is kept. */
export type ProducerKey = string;

export function producerKey(producer: ProducerId, incarnation: Incarnation): ProducerKey {
  return `${producer}/${incarnation}`;
}

/** Units of one call, at most. Keeps every sum of a batch far below 2^53. */
export const costMax = 1_000_000_000;

/** Units of a quota, at most: 2^53 - 1, the largest total that a counter can hold exactly. */
export const quotaMax = Number.MAX_SAFE_INTEGER;
