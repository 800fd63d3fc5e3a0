/**
 * The configuration as the processes read it: checked, defaults filled in, names resolved. Made
 * only by `compileConfig`; everything in it is immutable.
 */

import type { Dimension, Plan } from "../limits/plan.ts";
import type { HealthRules } from "../upstreams/target-health.ts";
import type { AddressLists } from "./address-lists.ts";
import type { LogConfig } from "./config-log.ts";
import type { PortalConfig } from "./config-portal.ts";
import type { ShutdownConfig } from "./config-shutdown.ts";
import type { PathTemplate } from "./path-template.ts";

export interface CompiledConfig {
  readonly hub: HubConfig;
  /** In the order of the file. */
  readonly regions: readonly RegionConfig[];
  readonly keys: KeysConfig;
  readonly clients: ClientsConfig;
  readonly listener: ListenerConfig;
  readonly durability: "os" | "disk";
  /** URL named in the 429 of the anonymous plan; "" if none. */
  readonly signup: string;
  /** Undefined: there is none. */
  readonly portal: PortalConfig | undefined;
  readonly plans: readonly Plan[];
  /** Undefined: a call without a key is 401. */
  readonly anonymousPlan: Plan | undefined;
  /** Every `per` that some limit uses, without repeats; index = `CounterSpec.dimension`. */
  readonly dimensions: readonly Dimension[];
  readonly upstreams: readonly UpstreamConfig[];
  readonly routes: readonly RouteConfig[];
  /** Of what is at no route, and of routes that have none of their own. */
  readonly cors: CorsRules | undefined;
  readonly journal: JournalConfig;
  readonly stream: StreamConfig;
  readonly log: LogConfig;
  readonly shutdown: ShutdownConfig;
}

export interface ListenAddress {
  readonly host: string;
  /** 1 to 65535; 0 takes any free port (tests). */
  readonly port: number;
}

export interface HubConfig {
  readonly listen: ListenAddress;
  /** Where gateways reach the hub, e.g. `http://127.0.0.1:8080`; from `listen` if not given. */
  readonly url: string;
  /** Undefined: plain HTTP, on this machine only. */
  readonly tls: HubTls | undefined;
  /** What gateways present and check where `url` is https. */
  readonly link: HubLinkTls;
}

/** Paths of PEM files, absolute if the configuration's is. */
export interface CertificateFiles {
  /** The certificate first, then those between it and the root. */
  readonly certFile: string;
  readonly keyFile: string;
}

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

export interface HubTls {
  readonly certificate: CertificateFiles;
  readonly minVersion: TlsVersion;
  /** Gateways must present a certificate of one of these CAs; undefined: none is asked for. */
  readonly clientCaFile: string | undefined;
}

export interface HubLinkTls {
  /** Undefined: the CAs that Node knows. */
  readonly caFile: string | undefined;
  /** Presented to a hub that asks for one. */
  readonly certificate: CertificateFiles | undefined;
}

export interface ListenerTls {
  /** At least one; the first is for callers that ask for none of their names. */
  readonly certificates: readonly CertificateFiles[];
  readonly minVersion: TlsVersion;
  /** `port` is that of the https URL; undefined: the region's. */
  readonly redirect:
    | { readonly listen: ListenAddress; readonly port: number | undefined }
    | undefined;
  /** Value of the field in every reply; "" for none. */
  readonly strictTransportSecurity: string;
}

export interface UpstreamTls {
  /** Undefined: the CAs that Node knows. */
  readonly caFile: string | undefined;
  readonly certificate: CertificateFiles | undefined;
  /** Undefined: the target's host. */
  readonly serverName: string | undefined;
  /** False: any certificate is taken. */
  readonly isVerified: boolean;
}

/** In degrees; north and east are positive. */
export interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

export interface RegionConfig {
  /** 1 to 32 of `a-z`, `0-9`, `-`, beginning with a letter. */
  readonly name: string;
  readonly listen: ListenAddress;
  /** Process k of the region listens on this port + k. */
  readonly operations: ListenAddress;
  /** Processes that share the region's port, 1 to 64; each is a producer. */
  readonly processes: number;
  /** Origin of the public door, without a trailing `/`; "": not said. */
  readonly url: string;
  /** Undefined: plain HTTP. */
  readonly tls: ListenerTls | undefined;
  /** Undefined: not said. */
  readonly location: Place | undefined;
  /** Whether connections from trusted proxies begin with a PROXY protocol header. */
  readonly proxyProtocol: boolean;
}

export type KeySource =
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "bearer" }
  | { readonly kind: "query"; readonly name: string };

export interface KeysConfig {
  /** 1 to 16 of `A-Z a-z 0-9`. */
  readonly prefix: string;
  readonly from: readonly KeySource[];
}

export interface ClientsConfig {
  /** Normalised CIDR blocks, ready for `ClientAddress`. */
  readonly trustedProxies: readonly Cidr[];
  /** 8 to 32. */
  readonly ipv4Prefix: number;
  /** 16 to 128. */
  readonly ipv6Prefix: number;
  /** Shorter IPv6 prefixes whose callers together have a ceiling, longest first; empty: none. */
  readonly ipv6Aggregates: readonly Ipv6Aggregate[];
  /** Counters of one window from which on new addresses and the like share one. */
  readonly addressesMax: number;
  /** Quotas that the shared counter has. */
  readonly sharedTimes: number;
  /** Undefined: every address may call. */
  readonly lists: AddressLists | undefined;
  /** Wrong keys of one address in a minute after which it gets 429 for them. */
  readonly wrongKeysPerMinute: number;
  /** Undefined: nobody is blocked. */
  readonly block: BlockRule | undefined;
}

/** An address that gets `after` 429 for its quota within a minute is blocked. */
export interface BlockRule {
  readonly after: number;
  readonly forMs: number;
}

/** The block of `prefix` may use `times` what one of its callers may. */
export interface Ipv6Aggregate {
  /** 16 to 127. */
  readonly prefix: number;
  /** 1 to 1,000,000. */
  readonly times: number;
}

/** What the public listener takes from one client; its defaults are in `config-door.ts`. */
export interface ListenerConfig {
  /** For a request's head, and for the first bytes of a connection. */
  readonly headTimeoutMs: number;
  /** Waiting for a body, plus what its bytes take at `rateMinBytes`. */
  readonly bodyTimeoutMs: number;
  /** Waiting for the client to take a reply, plus what its bytes take at `rateMinBytes`. */
  readonly replyTimeoutMs: number;
  /** Per second; 0: bytes buy no time. */
  readonly rateMinBytes: number;
  /** For a whole request with its body. */
  readonly requestTimeoutMs: number;
  /** Between requests of a connection. */
  readonly idleTimeoutMs: number;
  readonly headMaxBytes: number;
  /** Header fields of a request. */
  readonly fieldsMax: number;
  /** Path and query. */
  readonly targetMaxBytes: number;
  /** 0: no request may have a body. */
  readonly bodyMaxBytes: number;
  /** The largest that a route allows, at least the one above: what is refused before the route is known. */
  readonly bodyOfAnyRouteMaxBytes: number;
  /** Of one process. */
  readonly connectionsMax: number;
  /** Of one process and one client address (its prefix); trusted proxies excepted. */
  readonly connectionsPerAddressMax: number;
  readonly requestsPerConnectionMax: number;
}

/** A block of IPv6 space (IPv4 as ::ffff:a.b.c.d) of four 32-bit words and 0–128 bits. */
export interface Cidr {
  readonly words: readonly [number, number, number, number];
  readonly bits: number;
}

export interface UpstreamConfig {
  readonly name: string;
  /** In the gateways of regions that `regions` does not name. */
  readonly targets: readonly TargetConfig[];
  readonly regions: ReadonlyMap<string, readonly TargetConfig[]>;
  /** Where calls go that no target takes; the fallback's own fallback is not followed. */
  readonly fallback: FallbackConfig | undefined;
  /** Names may stand for private and loopback addresses. */
  readonly allowPrivate: boolean;
  /** The caller's key goes along. */
  readonly forwardKey: boolean;
  /** Calls may turn into WebSockets. */
  readonly webSocket: boolean;
  /** Milliseconds to connect; default 2,000. */
  readonly connectTimeoutMs: number;
  /** Milliseconds to the reply's header fields; default 30,000. */
  readonly responseTimeoutMs: number;
  /** Milliseconds between parts of the reply's body; default 60,000. */
  readonly idleTimeoutMs: number;
  /** Milliseconds to the reply's end, all tries together; 0: no bound, the default. */
  readonly timeoutMs: number;
  /** Sockets per target, at most; default 256. */
  readonly connectionsMax: number;
  /** How many calls may wait for its answer is found from its latency. */
  readonly hasConcurrencyLimit: boolean;
  /** For https targets; undefined: checked against Node's CAs. */
  readonly tls: UpstreamTls | undefined;
  /** Tries of one call, 1 to 3; default 3. */
  readonly tries: number;
  readonly health: HealthRules;
  /** While there is one address, and no fallback, failures do not take it out of service: refusing calls for it would help nobody. */
  readonly sparesOnlyAddress: boolean;
  /** The gateway's own checks of each target; undefined: none. */
  readonly check: CheckConfig | undefined;
}

export interface TargetConfig {
  /** Origin, `http://host:port`, without a slash at the end. */
  readonly url: string;
  /** 1 to 100. */
  readonly weight: number;
}

export type FallbackConfig =
  | { readonly kind: "upstream"; readonly name: string }
  /** The same upstream's targets in that region. */
  | { readonly kind: "region"; readonly region: string };

export interface CheckConfig {
  /** Begins with `/`. */
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Statuses that pass, inclusive. */
  readonly statusMin: number;
  readonly statusMax: number;
}

/** Names in lower case. */
export interface FieldRules {
  /** Taken out. */
  readonly replaced: ReadonlySet<string>;
  /** Then added: name, value, name, value… */
  readonly added: readonly string[];
}

export interface CorsRules {
  /** Every site. */
  readonly isAny: boolean;
  readonly origins: ReadonlySet<string>;
  /** Of `https://*.example.com`: `https://` and `.example.com`. */
  readonly subdomains: readonly { readonly scheme: string; readonly suffix: string }[];
  /** Undefined: those of the route. */
  readonly methods: readonly string[] | undefined;
  /** As the field lists them; undefined: any. */
  readonly headers: string | undefined;
  readonly exposed: string;
  readonly credentials: boolean;
  readonly maxAgeSeconds: number;
}

export type RefundReason = "not-attempted" | "5xx";

export interface RouteConfig {
  /** Place in the file; the routes' list is in this order. */
  readonly index: number;
  /** As written: `/api/users/*`, `/{ip}`. Also the route's name in metrics and reports. */
  readonly path: string;
  /** Upper case; empty: all methods. */
  readonly methods: readonly string[];
  readonly target: RouteTarget;
  /** Units, 0 to costMax; default 1. 0: counted as a call, charged nothing. */
  readonly cost: number;
  readonly refundOn: readonly RefundReason[];
  /** Which sites may call from a browser; undefined: the matter is left to what is behind the route. */
  readonly cors: CorsRules | undefined;
  /** Bytes of a request's body, at most; default that of the listener. */
  readonly bodyMaxBytes: number;
  /** Of requests to the route's upstream. */
  readonly requestFields: FieldRules | undefined;
  readonly responseFields: FieldRules | undefined;
  /** Milliseconds a handler may take before 504; default 30,000. */
  readonly timeoutMs: number;
}

export type RouteTarget =
  | {
      readonly kind: "upstream";
      readonly upstream: UpstreamConfig;
      /** Path prefix taken off before forwarding; "" for none. */
      readonly stripPrefix: string;
      /** Path to ask for instead. */
      readonly rewrite: PathTemplate | undefined;
    }
  | {
      readonly kind: "redirect";
      readonly status: 301 | 302 | 303 | 307 | 308;
      /** `https://example.com`; "": the same. */
      readonly origin: string;
      readonly template: PathTemplate;
      /** Undefined: that of the request. */
      readonly query: string | undefined;
    }
  | {
      readonly kind: "reply";
      readonly status: number;
      readonly headers: readonly string[];
      readonly body: string;
    }
  | {
      readonly kind: "files";
      /** Resolved as a handler's module. */
      readonly folder: string;
      /** Number of the first segment of the path that is below the folder. */
      readonly segment: number;
    }
  | {
      readonly kind: "handler";
      /** The module's path, resolved against the configuration file's; absolute if that one is. */
      readonly file: string;
    };

export interface JournalConfig {
  /** Milliseconds between seals; default 50, 1 to 10,000. */
  readonly flushIntervalMs: number;
  /** Bytes of the journal at most; default 8 GiB. Reaching it is a full disk. */
  readonly sizeMaxBytes: number;
  /** Milliseconds that a covered batch is kept where no backup was announced; default 24 h. */
  readonly retentionMs: number;
}

export interface StreamConfig {
  /** Milliseconds between checkpoints of the ledger; default 2,000. */
  readonly checkpointIntervalMs: number;
  /** Milliseconds between updates to the gateways, at least; default 10. */
  readonly publishIntervalMs: number;
  /** Milliseconds a folded record stays in the stream; default 7 d. It goes only below a sealed checkpoint. */
  readonly retentionMs: number;
  /** Milliseconds between sealed checkpoints; default 24 h. */
  readonly sealIntervalMs: number;
}
