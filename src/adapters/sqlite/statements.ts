/**
 * The statements of a connection, each prepared once and kept. A statement that is prepared anew for every use holds
 * kilobytes outside the heap, which go when the collector finds it dead: in a thread that makes little garbage, after
 * thousands of others.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Statements kept, at most: only reports, which are put together, have more than some dozen texts. */
const statementsMax = 256;

export class Statements {
  readonly #db: DatabaseSync;
  /** By text. */
  readonly #prepared = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Not for two uses at one time: a statement that is being iterated starts over. */
  get(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      if (this.#prepared.size >= statementsMax) this.#prepared.clear();
      statement = this.#db.prepare(sql);
      this.#prepared.set(sql, statement);
    }
    return statement;
  }

  /** One whose rows are arrays, for what is read over and over: see `rowsAsArrays`. Not also asked for by `get`. */
  arrays(sql: string): StatementSync {
    return rowsAsArrays(this.get(sql));
  }
}

/**
 * Lets a statement give rows as arrays. A row as an object leaves some 70 bytes in the heap's old generation, which no
 * collection of the young one frees; in a thread that makes little else, megabytes gather before there is another.
 */
export function rowsAsArrays(statement: StatementSync): StatementSync {
  statement.setReturnArrays(true);
  return statement;
}
