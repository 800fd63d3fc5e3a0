/** What a process has opened and must close, last opened first, whether it stops in order or fails to start. */

type Close = () => unknown;

export class Cleanup {
  readonly #closes: Close[] = [];

  /** Notes how to close what was just opened. */
  add(close: Close): void {
    this.#closes.push(close);
  }

  /** Closes everything; a failure to close one does not keep the others open. */
  async run(): Promise<void> {
    for (let close = this.#closes.pop(); close !== undefined; close = this.#closes.pop()) {
      try {
        await close();
      } catch {
        // Whoever failed has logged it; the process ends.
      }
    }
  }
}
