/**
 * Checks of strict limits: nothing above the quota, ever; nothing spent above a mark that is on disk; nothing granted that is not
 * in the stream; nobody refused who holds what the call costs.
 */

import type { GatewayMessage, HubMessage } from "../ports/link.ts";
import type { StreamRecord } from "../ports/usage-stream.ts";
import type { CallRecord } from "./calls.ts";
import type { CounterNames } from "./counter-names.ts";
import type { SimGateway } from "./gateway.ts";
import type { SimHub } from "./hub.ts";
import type { Report } from "./violation.ts";

export class LeaseCheckers {
  readonly #hub: SimHub;
  readonly #report: Report;
  /** Names of all grants that were ever durable. */
  readonly #granted = new Set<string>();
  #last: StreamRecord | undefined;
  readonly #names: CounterNames;

  constructor(hub: SimHub, names: CounterNames, report: Report) {
    this.#hub = hub;
    this.#names = names;
    this.#report = report;
  }

  /** A call reached the handler. */
  took(call: CallRecord, gateway: SimGateway): void {
    const { limits, inMinute, subject, start } = call;
    if (limits.isStrict !== true) return;
    const { admitted } = inMinute;
    if (admitted > limits.minute) {
      this.#report("I21", `${subject}: ${admitted} admitted of a strict quota of ${limits.minute}`);
    }
    const own = inMinute.own.get(start) ?? 0;
    const counter = `${gateway.incarnation} ${this.#names.of(call, gateway.core?.credentials?.hashKey)}`;
    const marked = gateway.journalImage.marked(counter);
    if (own > marked) {
      this.#report("I22", `${subject}: ${own} spent by ${start}, of ${marked} below marks on disk`);
    }
  }

  replied(call: CallRecord, gateway: SimGateway): void {
    const { exchange, limits, subject } = call;
    const { core } = gateway;
    if (exchange.status !== 503 || limits.isStrict !== true || core === undefined) return;
    if (exchange.forwards > 0 || !exchange.text.includes("Quota not at hand")) return;
    const [window = "", lo, hi] = this.#names.of(call, core.credentials?.hashKey).split(" ");
    const held = core.leases.held.find(window, Number(lo), Number(hi));
    const spendable = (held?.leases ?? []).reduce((sum, { mark, spent }) => sum + mark - spent, 0);
    if (spendable >= 1) {
      this.#report("R3", `${subject} is refused by ${call.gateway}, which may spend ${spendable}`);
    }
  }

  /** `holder`: producer and incarnation at the gateway's end. */
  message(holder: string, message: GatewayMessage | HubMessage): void {
    if (message.kind !== "lease-answer") return;
    for (const { request, result } of message.answers) {
      if (result !== "granted") continue;
      this.read();
      if (this.#granted.has(`${holder} ${request}`)) continue;
      this.#report("I23", `${holder} is granted request ${request}, which no record says`);
    }
  }

  /** What the stream got since the last look. Before it is replaced, too. */
  read(): void {
    const { records } = this.#hub.streamImage;
    let from = records.length;
    while (from > 0 && records[from - 1] !== this.#last) from--;
    for (const name of this.#hub.model.grants(records.slice(from))) this.#granted.add(name);
    this.#last = records.at(-1);
  }
}
