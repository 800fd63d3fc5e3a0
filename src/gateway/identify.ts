/**
 * Who calls: key, plan, address, referer. That there is one Host, one framing and one of each credential has been seen to
 * at the door, and that the address may call, before this.
 *
 * A key that is presented decides: if it is not valid, the answer is 401 and never the anonymous plan. Two places that
 * hold the same key are fine, different ones are a 400.
 */

import type { CompiledConfig, KeySource } from "../access/compiled-config.ts";
import { formatSubjectAddress, isIpv4, maskWords } from "../access/ip-address.ts";
import { violatedRestriction } from "../access/key-restrictions.ts";
import { type KeyTable, keyRefusalName, notRemembered } from "../access/key-table.ts";
import { refererHost } from "../access/referer.ts";
import { fingerprintAddress } from "../access/subject-fingerprint.ts";
import { subjectFiller } from "../access/subjects.ts";
import type { HashKey } from "../base/hash.ts";
import type { EpochMs, Fingerprint } from "../base/words.ts";
import type { Exchange } from "../ports/listener.ts";
import { recordOf } from "./access-record.ts";
import { Caller } from "./caller.ts";
import type { Forwarded } from "./forward-headers.ts";
import type { HeaderScan } from "./header-scan.ts";
import type { ProblemKind } from "./problems.ts";
import { queryValues } from "./query.ts";
import type { CompiledPlan, CompiledRoute, Setup } from "./setup.ts";
import type { Strangers } from "./strangers.ts";

/** What the cluster knows of keys; there once the gateway has joined it. */
export interface Credentials {
  readonly hashKey: HashKey;
  readonly table: KeyTable;
}

/** Where a key may stand. */
interface KeyPlace {
  readonly source: KeySource;
  /** Of the header field in the scan. */
  readonly index: number;
}

/** One configuration's, with one key table. */
export class Identifier {
  /** Of the call identified last. */
  readonly caller: Caller;
  plan: CompiledPlan | undefined;
  readonly #config: CompiledConfig;
  readonly #setup: Setup;
  readonly #strangers: Strangers;
  readonly #hashKey: HashKey;
  readonly #address: Fingerprint = { lo: 0, hi: 0 };
  readonly #keys: KeyTable;
  readonly #scan: HeaderScan;
  readonly #host: number;
  readonly #referer: number;
  readonly #origin: number;
  readonly #places: readonly KeyPlace[];
  readonly #needsPath: boolean;
  readonly #filler: ReturnType<typeof subjectFiller>;
  /** By the key table's number of a plan's name. */
  readonly #plans: (CompiledPlan | undefined)[] = [];

  /** What the setup's door has scanned is read here, and the address that it has found. */
  constructor(setup: Setup, credentials: Credentials, strangers: Strangers) {
    const { config, door } = setup;
    this.#scan = door.scan;
    this.#host = door.host;
    this.#referer = door.referer;
    this.#origin = door.origin;
    const { hashKey, table } = credentials;
    this.#setup = setup;
    this.#strangers = strangers;
    this.#hashKey = hashKey;
    this.#config = config;
    this.#keys = table;
    this.#filler = subjectFiller({ hashKey, keys: table, dimensions: config.dimensions });
    this.caller = new Caller(table, this.#filler);
    this.#places = config.keys.from.map((source) => {
      const index = source.kind === "header" ? this.#scan.watch(source.name) : door.authorization;
      return { source, index };
    });
    this.#needsPath = config.dimensions.some((dimension) => dimension.startsWith("path:"));
  }

  /** Reads the caller of a request that the door let in, whose address was read. Undefined: `caller` and `plan` are set. */
  identify(
    exchange: Exchange,
    at: { readonly target: string; readonly pathEnd: number; readonly nowMs: EpochMs },
  ): ProblemKind | undefined {
    const { facts } = this.caller;
    facts.rawHeaders = exchange.headers;
    facts.query = at.pathEnd < at.target.length ? at.target.slice(at.pathEnd + 1) : "";
    this.#takeAddress();
    this.#readReferer();
    return this.#readKey(at);
  }

  /** Whether the key may use the route, from where it is used. */
  isRestricted(route: CompiledRoute): boolean {
    const { facts, restricted } = this.caller;
    if (facts.slot < 0) return false;
    const restrictions = this.#keys.restrictions(facts.slot);
    if (restrictions === undefined) return false;
    restricted.route = route.config.path;
    restricted.referer = facts.referer;
    return violatedRestriction(restrictions, restricted) !== undefined;
  }

  /** Writes the caller's subjects. Returns what the call lacks and must not (`header:x-team`), or "". */
  fillSubjects(plan: CompiledPlan, route: CompiledRoute, path: string): string {
    const { facts, subjects } = this.caller;
    if (this.#needsPath) {
      const segments = path.slice(1).split("/");
      facts.pathNames = route.parameters.map(({ name }) => name);
      facts.pathValues = route.parameters.map(({ segment }) => segments[segment] ?? "");
    }
    const missing = this.#filler.fill(plan.plan, facts, subjects);
    return missing < 0 ? "" : (this.#config.dimensions[missing] ?? "");
  }

  /** As `fillSubjects`, where there is no route: what is missing counts for nothing. */
  fillWhatIsThere(plan: CompiledPlan): void {
    const { facts, subjects } = this.caller;
    facts.pathNames = [];
    facts.pathValues = [];
    // A plan that counts by what this request lacks has nothing to tell about it.
    if (this.#filler.fill(plan.plan, facts, subjects) >= 0) subjects.lo.fill(0);
  }

  /** Notes that the caller identified last was refused for its quota. */
  noteLimited(nowMs: EpochMs): void {
    if (this.caller.facts.slot >= 0 || !this.#strangers.countsRefusals) return;
    this.#strangers.limited(this.#addressNow(), nowMs, () => this.#placeOfAddress());
  }

  forwarded(exchange: Exchange, requestId: string): Forwarded {
    const { connection } = exchange;
    return {
      address: this.caller.clientAddress.text,
      protocol: connection.protocol,
      host: this.#scan.first(this.#host) ?? "",
      requestId,
      traceparent: recordOf(exchange)?.forwards() ?? "",
    };
  }

  #takeAddress(): void {
    const { words, counted, countedBits, text } = this.#setup.callerAddress.found;
    const { facts, restricted } = this.caller;
    copyWords(counted, facts.address);
    copyWords(words, restricted.address);
    facts.addressBits = countedBits;
    this.caller.clientAddress = text;
  }

  /** Fingerprint of the caller's address as it is counted. */
  #addressNow(): Fingerprint {
    const { address, addressBits } = this.caller.facts;
    fingerprintAddress(this.#hashKey, address, addressBits, this.#address);
    return this.#address;
  }

  /** What of the address may stand in a log: the network around it. */
  #placeOfAddress(): string {
    const words = this.caller.facts.address.slice();
    const bits = isIpv4(words) ? 96 + 24 : 48;
    maskWords(words, bits);
    return formatSubjectAddress(words, bits);
  }

  #readReferer(): void {
    const url = this.#scan.first(this.#referer) ?? this.#scan.first(this.#origin);
    this.caller.facts.referer = url === undefined ? "" : refererHost(url);
  }

  #readKey(at: {
    readonly target: string;
    readonly pathEnd: number;
    readonly nowMs: EpochMs;
  }): ProblemKind | undefined {
    let key: string | undefined;
    for (let i = 0; i < this.#places.length; i++) {
      const { source, index } = this.#places[i] as KeyPlace;
      let found: string | undefined;
      if (source.kind === "header") {
        found = this.#scan.first(index);
      } else if (source.kind === "bearer") {
        found = bearerToken(this.#scan.first(index));
      } else if (at.pathEnd < at.target.length) {
        const values = queryValues(at.target, at.pathEnd, source.name);
        if (values.length > 1) return "keys-differ";
        found = values[0];
      }
      if (found === undefined) continue;
      if (key !== undefined && key !== found) return "keys-differ";
      key = found;
    }
    return key === undefined ? this.#anonymous(at.nowMs) : this.#keyed(key, at.nowMs);
  }

  #anonymous(nowMs: EpochMs): ProblemKind | undefined {
    this.caller.facts.slot = -1;
    this.plan = this.#setup.anonymousPlan;
    if (this.#strangers.blocksAny) {
      this.retryAfterSeconds = this.#strangers.blockedSeconds(this.#addressNow(), nowMs);
      if (this.retryAfterSeconds > 0) return "address-blocked";
    }
    return this.plan === undefined ? "key-refused" : undefined;
  }

  #keyed(key: string, nowMs: EpochMs): ProblemKind | undefined {
    let slot = this.#keys.remembered(key, nowMs);
    this.plan = undefined;
    if (slot === notRemembered) {
      if (!this.#strangers.mayLookUp(this.#addressNow(), nowMs)) return this.#wrongKey(nowMs);
      slot = this.#keys.identify(key, nowMs);
    }
    if (slot < 0) {
      this.refusal = keyRefusalName(slot);
      return this.#wrongKey(nowMs);
    }
    this.caller.facts.slot = slot;
    const index = this.#keys.planIndex(slot);
    let plan = this.#plans[index];
    if (plan === undefined) {
      plan = this.#setup.plans.get(this.#keys.planNames[index] ?? "");
      if (plan === undefined) return "plan-unknown";
      this.#plans[index] = plan;
    }
    this.plan = plan;
    return undefined;
  }

  #wrongKey(nowMs: EpochMs): ProblemKind {
    this.retryAfterSeconds = this.#strangers.wrongKey(this.#addressNow(), nowMs);
    return this.retryAfterSeconds > 0 ? "keys-wrong-too-often" : "key-refused";
  }

  /** Seconds until a caller refused for its address may come again; only where `identify` said so. */
  retryAfterSeconds = 0;

  /** Why the last refused key was refused; for metrics only, callers are not told. */
  refusal = "";
}

function copyWords(from: Uint32Array, to: Uint32Array): void {
  to[0] = from[0] as number;
  to[1] = from[1] as number;
  to[2] = from[2] as number;
  to[3] = from[3] as number;
}

/** The token of `Bearer <token>`; undefined for other schemes, "" where none follows. */
function bearerToken(value: string | undefined): string | undefined {
  if (value === undefined || value.length < 6) return undefined;
  if (value.slice(0, 6).toLowerCase() !== "bearer") return undefined;
  if (value.length === 6) return "";
  return value.charCodeAt(6) === 0x20 ? value.slice(7).trim() : undefined;
}
