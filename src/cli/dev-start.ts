/** The time until all of `dev`'s children are ready: who said what, and how it ends. */

import { TallygateError } from "../base/errors.ts";

export interface DevStart {
  /** Resolves with `succeed`, rejects with the first `fail`. */
  readonly outcome: Promise<void>;
  readonly isOver: boolean;
  /**
   * Keeps a line of a child. Nothing is shown meanwhile: before all are there they miss each other, which
   * is nothing to warn of.
   */
  hear(name: string, line: string): void;
  succeed(): void;
  /** The reason is what the child said last, else `how` after all that it said is shown. */
  fail(name: string, how: string): void;
}

/** Lines kept of each child: the stack of an error has a dozen. */
const linesKept = 40;

export function watchStart(show: (name: string, line: string) => void): DevStart {
  /** What a child that fails says for people. */
  const lastWords = new Map<string, string>();
  const others = new Map<string, string[]>();
  let isOver = false;
  let resolve = (): void => {};
  let reject = (_: TallygateError): void => {};
  const outcome = new Promise<void>((onReady, onFailure) => {
    resolve = onReady;
    reject = onFailure;
  });
  return {
    outcome,
    get isOver() {
      return isOver;
    },
    hear(name, line) {
      const words = /^tallygate: (.*)/.exec(line)?.[1];
      if (words !== undefined) lastWords.set(name, words);
      else others.set(name, [...(others.get(name) ?? []), line].slice(-linesKept));
    },
    succeed() {
      isOver = true;
      resolve();
    },
    fail(name, how) {
      if (isOver) return;
      isOver = true;
      const words = lastWords.get(name);
      if (words === undefined) for (const line of others.get(name) ?? []) show(name, line);
      reject(new TallygateError("process-failed", `${name}: ${words ?? how}`));
    },
  };
}
