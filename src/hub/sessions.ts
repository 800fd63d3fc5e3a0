/** All gateways that are or were connected, and what concerns them together. */

import type { Incarnation, ProducerId, ProducerKey } from "../base/words.ts";
import { producerKey } from "../base/words.ts";
import type { HubEnd, LinkAcceptor, LinkPeer } from "../ports/link.ts";
import type { RegistryRow } from "../ports/registry-store.ts";
import { GapWatch } from "./gap-watch.ts";
import { GatewaySession } from "./gateway-session.ts";
import type { HubParts } from "./hub-parts.ts";

/** Processes remembered, connected or not. Above it the hub takes no further one, but forgets those that left first. */
export const sessionsMax = 1_024;

/** Wait before a batch that the stream could not store is asked for again. */
const appendRetryMs = 1_000;

export class Sessions {
  readonly #hub: HubParts;
  readonly #gaps = new GapWatch();
  /** The newest session of each producer, in order of their coming; closed ones stay for status. */
  readonly #sessions = new Map<ProducerId, GatewaySession>();
  readonly #retries = new Set<string>();

  constructor(hub: HubParts) {
    this.#hub = hub;
  }

  accept(acceptor: LinkAcceptor): void {
    acceptor.onConnection((end, peer) => this.#open(end, peer));
  }

  all(): GatewaySession[] {
    return [...this.#sessions.values()];
  }

  /** Those that said hello and are still there. */
  connected(): GatewaySession[] {
    return this.all().filter((session) => session.isOpen && session.hello !== undefined);
  }

  isConnected(producer: ProducerId): boolean {
    return this.#sessions.get(producer)?.isOpen === true;
  }

  /** The open session of one start of a producer. */
  ofHolder(holder: ProducerKey): GatewaySession | undefined {
    const session = this.#sessions.get(holder.split("/")[0] as string);
    return session?.isOpen && session.holder === holder ? session : undefined;
  }

  onRegistryChanged(rows: readonly RegistryRow[]): void {
    for (const session of this.connected()) session.onRegistryChanged(rows);
  }

  onConfigChanged(): void {
    for (const session of this.connected()) session.tellConfig();
  }

  /** Asks for what is missing, and goes on with who could not take updates. Every `gapLookMs`. */
  look(): void {
    for (const session of this.connected()) session.catchUp();
    for (const gap of this.#gaps.look(this.#hub.state.fold.gaps(), this.#hub.clock.monotonicMs())) {
      const [producer = "", incarnation = ""] = gap.producer.split("/");
      const session = this.#sessions.get(producer);
      if (session?.isOpen) session.requestResend(incarnation, gap.from);
      else this.#gaps.forget(gap.producer);
    }
  }

  /**
   * Asks again, a while from now, for everything of an incarnation that is not folded. Whatever connection the producer has
   * by then: one that was made in between has had its own failures kept quiet by this wait.
   */
  retryLater(producer: ProducerId, incarnation: Incarnation): void {
    const key = producerKey(producer, incarnation);
    if (this.#retries.has(key)) return;
    this.#retries.add(key);
    this.#hub.timers.after(appendRetryMs, () => {
      this.#retries.delete(key);
      const session = this.#sessions.get(producer);
      session?.requestResend(incarnation, this.#hub.state.fold.watermark(key) + 1);
    });
  }

  close(reason: string): void {
    for (const session of this.all()) if (session.isOpen) session.close(reason);
  }

  #open(end: HubEnd, peer: LinkPeer): void {
    const session = new GatewaySession(end, peer, this.#hub);
    end.onMessage((message, payload) => session.onMessage(message, payload));
    end.onClose((reason) => {
      if (!session.isOpen) return;
      session.onClosed();
      const { region, process } = session.hello ?? {};
      this.#hub.log.info("a gateway left", { producer: peer.producer, region, process, reason });
    });
    const older = this.#sessions.get(peer.producer);
    if (older?.isOpen) older.close("replaced");
    if (!this.#hasRoom(peer.producer)) return session.refuse("hub-refused", "too many gateways");
    this.#sessions.delete(peer.producer);
    this.#sessions.set(peer.producer, session);
  }

  #hasRoom(producer: ProducerId): boolean {
    if (this.#sessions.size < sessionsMax || this.#sessions.has(producer)) return true;
    for (const [known, session] of this.#sessions) {
      if (!session.isOpen) return this.#sessions.delete(known);
    }
    return false;
  }
}
