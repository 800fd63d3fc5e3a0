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
import type { JournalImage } from "./storage/journal.ts";
import type { Report } from "./violation.ts";

export class LeaseCheckers {
  readonly #hub: SimHub;
  readonly #report: Report;
  /** Names of all grants that were ever durable. */
  readonly #granted = new Set<string>();
  /** By counter, the highest of the quotas that something was granted of. */
  readonly #bounds = new Map<string, number>();
  /** By counter, units that may have been lent twice, or given back though they were spent. */
  readonly #excess = new Map<string, number>();
  #copy: { readonly hub: SimHub; read: number } | undefined;
  #last: StreamRecord | undefined;
  readonly #names: CounterNames;

  constructor(hub: SimHub, names: CounterNames, report: Report) {
    this.#hub = hub;
    this.#names = names;
    this.#report = report;
  }

  /** A call reached the handler. */
  took(call: CallRecord, gateway: SimGateway): void {
    const { inMinute, subject, start } = call;
    if (!isLeased(call)) return;
    const { admitted } = inMinute;
    const counter = this.#names.of(call, gateway.core?.credentials?.hashKey);
    const bound = this.#bounds.get(counter) ?? 0;
    if (admitted > bound + (this.#excess.get(counter) ?? 0)) {
      this.#report("I21", `${subject}: ${admitted} admitted of a strict quota of ${bound}`);
    }
    const own = inMinute.own.get(start) ?? 0;
    const marked = gateway.journalImage.marked(`${gateway.incarnation} ${counter}`);
    if (own > marked) {
      this.#report("I22", `${subject}: ${own} spent by ${start}, of ${marked} below marks on disk`);
    }
  }

  replied(call: CallRecord, gateway: SimGateway): void {
    const { exchange, subject } = call;
    const { core } = gateway;
    if (exchange.status !== 503 || !isLeased(call) || core === undefined) return;
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
      this.#readCopy();
      if (this.#granted.has(`${holder} ${request}`)) continue;
      this.#report("I23", `${holder} is granted request ${request}, which no record says`);
    }
  }

  /** What the stream got since the last look. Before it is replaced, too. */
  read(): void {
    const { records } = this.#hub.streamImage;
    let from = records.length;
    while (from > 0 && records[from - 1] !== this.#last) from--;
    this.#readGrants(records.slice(from));
    this.#last = records.at(-1);
  }

  /** A second hub begins to run, on a copy of what the hub has; undefined: it does not run any more. */
  copyRuns(copy: SimHub | undefined): void {
    this.#readCopy();
    // The copy may tell of what the hub was about to.
    this.read();
    this.#copy = copy && { hub: copy, read: copy.streamImage.records.length };
  }

  /** What two hubs grant adds up. */
  #readCopy(): void {
    if (this.#copy === undefined) return;
    const { hub, read } = this.#copy;
    const { records } = hub.streamImage;
    for (const grant of hub.model.grants(records.slice(read))) {
      this.#granted.add(`${grant.holder} ${grant.request}`);
      this.#exceed(`${grant.window} ${grant.lo} ${grant.hi}`, grant.units);
    }
    this.#copy.read = records.length;
  }

  #readGrants(records: readonly StreamRecord[]): void {
    const quota = this.#hub.limits[0]?.quota ?? 0;
    for (const { holder, request, window, lo, hi } of this.#hub.model.grants(records)) {
      this.#granted.add(`${holder} ${request}`);
      const counter = `${window} ${lo} ${hi}`;
      this.#bounds.set(counter, Math.max(quota, this.#bounds.get(counter) ?? 0));
    }
  }

  /** The stream has lost these records: what they granted is out, and the hub does not know of it. */
  streamLost(lost: readonly StreamRecord[]): void {
    this.read();
    this.#readGrants(lost);
    for (const { window, lo, hi, units } of this.#hub.model.grants(lost)) {
      this.#exceed(`${window} ${lo} ${hi}`, units);
    }
  }

  /** An older copy of a journal was put back: it closes leases at marks above which `lost` has let spend. */
  putBack(copy: JournalImage, lost: JournalImage): void {
    for (const { incarnation, request, window, lo, hi, mark } of copy.leases.values()) {
      const counter = `${window} ${lo} ${hi}`;
      const spent = lost.marks.get(`${incarnation} ${counter}`)?.get(request) ?? 0;
      if (spent > mark) this.#exceed(counter, spent - mark);
    }
  }

  #exceed(counter: string, units: number): void {
    this.#excess.set(counter, units + (this.#excess.get(counter) ?? 0));
  }
}

/** Everything that is spent in its window is leased. */
function isLeased({ isStrict, inMinute, softUntilMs }: CallRecord): boolean {
  return isStrict === "yes" && !inMinute.isSoft && inMinute.startMs > softUntilMs;
}
