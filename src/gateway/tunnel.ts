/**
 * A WebSocket between a client and an upstream: bytes both ways, each side at the pace of the other, until either ends it
 * or nothing comes for the upstream's idle time-out. What they say is their own business; it was charged as one call.
 */

import type { ByteStream } from "../ports/listener.ts";
import type { AwaitedCall, Call, CallServices, ReplyStream } from "./call.ts";

export class Tunnel implements ReplyStream, AwaitedCall {
  bagIndex = -1;
  deadlineMs = Number.POSITIVE_INFINITY;
  readonly #call: Call;
  readonly #services: CallServices;
  readonly #upstream: ByteStream;
  readonly #idleTimeoutMs: number;
  #client: ByteStream | undefined;
  #bytes = 0;
  #isOver = false;

  constructor(
    call: Call,
    services: CallServices,
    of: { readonly upstream: ByteStream; readonly idleTimeoutMs: number },
  ) {
    this.#call = call;
    this.#services = services;
    this.#upstream = of.upstream;
    this.#idleTimeoutMs = of.idleTimeoutMs;
  }

  whole(): undefined {
    return undefined;
  }

  /** The client has its 101. */
  opened(): void {
    const client = this.#call.exchange.takeOver();
    this.#client = client;
    if (this.#isOver) {
      client.destroy();
      return;
    }
    this.#services.awaited.add(this);
    this.#touch();
    this.#join(client, this.#upstream);
    this.#join(this.#upstream, client);
  }

  dropped(): void {
    this.#end();
  }

  expired(): void {
    this.#end();
  }

  #join(from: ByteStream, to: ByteStream): void {
    from.listen({
      data: (bytes) => {
        this.#touch();
        this.#bytes += bytes.byteLength;
        if (!to.write(bytes)) from.pause();
      },
      drain: () => to.resume(),
      end: () => to.end(),
      closed: () => this.#end(),
    });
  }

  #touch(): void {
    this.deadlineMs = this.#services.clock.monotonicMs() + this.#idleTimeoutMs;
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#services.awaited.delete(this);
    this.#upstream.destroy();
    if (this.#client === undefined) return;
    this.#client.destroy();
    this.#call.ended(this.#bytes);
  }
}
