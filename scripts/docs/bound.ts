/** A bound, as docs/limits.md shows it. */

export type Unit = "count" | "bytes" | "ms";

/** One constant by its name: `{ parkedMax }`; what it bounds; its unit; what happens beyond it. */
export type Bound = readonly [Readonly<Record<string, number>>, Unit, string, string];
