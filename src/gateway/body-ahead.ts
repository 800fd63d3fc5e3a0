/**
 * A request's body whose beginning is read before an upstream is asked: most bodies are here as a whole then, and a client that
 * sends byte by byte keeps no connection to an upstream for it. Of a body in chunks the first is enough: it may be one side of a
 * conversation.
 */

/** Bytes of a body of known length that are here before an upstream is asked, unless it is shorter. */
export const bodyAheadMaxBytes = 16 * 1024;

export interface BodyWatch {
  now(): number;
  /** The client is waited for, and has been since `sinceMs`: pauses add up until it has sent as much again as was read ahead. */
  waits(sinceMs: number): void;
  goesOn(): void;
  /** All of it was read. */
  whole(): void;
}

export class BodyAhead {
  isWhole = false;
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #watch: BodyWatch;
  readonly #ahead: Uint8Array[] = [];
  #waitedMs = 0;
  #bytes = 0;

  constructor(source: AsyncIterable<Uint8Array>, watch: BodyWatch) {
    this.#source = source[Symbol.asyncIterator]();
    this.#watch = watch;
  }

  /** Resolves when its beginning is here, its end or so many bytes. Rejects as the source does. */
  async begin(bytesMin: number): Promise<void> {
    let bytes = 0;
    while (bytes < bytesMin) {
      const part = await this.#next();
      if (part === undefined) return;
      this.#ahead.push(part);
      bytes += part.byteLength;
    }
  }

  /** The body from its beginning. Once, after `begin`. */
  async *read(): AsyncGenerator<Uint8Array> {
    yield* this.#ahead.splice(0);
    while (!this.isWhole) {
      const startMs = this.#watch.now();
      this.#watch.waits(startMs - this.#waitedMs);
      const part = await this.#next();
      this.#watch.goesOn();
      if (part === undefined) return;
      this.#waitedMs += this.#watch.now() - startMs;
      this.#bytes += part.byteLength;
      if (this.#bytes >= bodyAheadMaxBytes) {
        this.#waitedMs = 0;
        this.#bytes = 0;
      }
      yield part;
    }
  }

  /** Undefined: the end. */
  async #next(): Promise<Uint8Array | undefined> {
    const next = await this.#source.next();
    if (next.done !== true) return next.value;
    this.isWhole = true;
    this.#watch.whole();
    return undefined;
  }
}
