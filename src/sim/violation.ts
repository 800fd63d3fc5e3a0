/** What checkers report to: the first violation ends the run. */

export interface Violation {
  /** As the list of invariants calls it: `I9`. */
  readonly invariant: string;
  readonly detail: string;
  readonly atMs: number;
}

export interface Report {
  (invariant: string, detail: string): void;
}
