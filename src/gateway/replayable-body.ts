/**
 * A request's body that can be sent again as long as all that was read of it is kept: short ones only. It is read once,
 * at the pace of whoever reads, and goes on where an earlier reader left off.
 */

export class ReplayableBody {
  /** Why the client's side ended early; undefined: it has not. */
  brokenBy: Error | undefined;
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #keptMaxBytes: number;
  readonly #onRead: () => void;
  readonly #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #wasRead = false;
  #isKept = true;
  #isDone = false;
  /** The read in progress: a reader that is given up may have begun it. */
  #reading: Promise<void> | undefined;

  /** `onRead` is called for every part that the client has sent. */
  constructor(source: AsyncIterable<Uint8Array>, keptMaxBytes: number, onRead: () => void) {
    this.#source = source[Symbol.asyncIterator]();
    this.#keptMaxBytes = keptMaxBytes;
    this.#onRead = onRead;
  }

  /** Whether a further reader would get the body from its beginning. */
  get isWhole(): boolean {
    return (!this.#wasRead || this.#isKept) && this.brokenBy === undefined;
  }

  /** Whether a reader waits for what the client has not sent yet. */
  get awaitsClient(): boolean {
    return this.#reading !== undefined;
  }

  /** The body from its beginning; only while `isWhole`. A reader that stops early does not end the source. */
  async *read(): AsyncGenerator<Uint8Array> {
    let next = 0;
    while (true) {
      while (next < this.#kept.length) yield this.#kept[next++] as Uint8Array;
      if (this.#isDone) return;
      if (this.brokenBy !== undefined) throw this.brokenBy;
      this.#reading ??= this.#readOn();
      await this.#reading;
      if (this.#isKept) continue;
      // No other reader comes: what is handed on is let go of.
      const parts = this.#kept.splice(0).slice(next);
      next = 0;
      yield* parts;
    }
  }

  async #readOn(): Promise<void> {
    this.#wasRead = true;
    try {
      const next = await this.#source.next();
      if (next.done === true) this.#isDone = true;
      else this.#keep(next.value);
    } catch (cause) {
      this.brokenBy = new Error("the body ended early", { cause });
    }
    this.#reading = undefined;
    this.#onRead();
  }

  #keep(part: Uint8Array): void {
    this.#kept.push(part);
    this.#keptBytes += part.byteLength;
    if (this.#isKept && this.#keptBytes > this.#keptMaxBytes) this.#isKept = false;
  }
}
