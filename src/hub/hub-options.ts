/** What the hub is given: the outside, and what the configuration says. */

import type { Clock, Random, Timers } from "../ports/clock.ts";
import type { LedgerStore } from "../ports/ledger-store.ts";
import type { LinkAcceptor } from "../ports/link.ts";
import type { Log } from "../ports/log.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { RegistryStore } from "../ports/registry-store.ts";
import type { UsageStream } from "../ports/usage-stream.ts";
import type { AnnouncedConfig } from "./config-announcement.ts";
import type { OvershootLimit } from "./counter-limits.ts";
import type { Restrictions } from "./hub-api.ts";
import type { SealedFiles } from "./sealer.ts";
import type { StatusListener } from "./status-desk.ts";

export interface HubDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Stream, ledger and registry are the caller's to close, after `stop`. */
  readonly stream: UsageStream;
  readonly ledger: LedgerStore;
  readonly registry: RegistryStore;
  readonly acceptor: LinkAcceptor;
  readonly sealed: SealedFiles;
  /** Told of gateways and of what they found of one another. Undefined: there is no status page. */
  readonly status?: StatusListener;
  /** Bytes of a file, for the answer to a backup. */
  readonly fileBytes: (file: string) => Promise<number>;
}

/** What a changed configuration changes while the hub runs. */
export interface HubRules {
  /** Every process that the configuration names: `verify` asks them all. */
  readonly regions: readonly { readonly name: string; readonly processes: number }[];
  readonly keyPrefix: string;
  /** A sentence if there is no such plan or a restriction is not valid. */
  readonly checkKey: (plan: string, restrict: Restrictions) => string | undefined;
  /** Of a gateway's journal, as its configuration has it. */
  readonly journalSizeMaxBytes: number;
  /** Limits that refuse: what overshoot is measured against. */
  readonly limits: readonly OvershootLimit[];
  /** Gateways with rules of another version are named in status; "": nobody is compared. */
  readonly rulesVersion?: string;
}

export interface HubOptions extends HubRules {
  readonly publishIntervalMs: number;
  readonly checkpointIntervalMs: number;
  /** Age from which stream records below a sealed checkpoint are forgotten. */
  readonly streamRetentionMs: number;
  readonly sealIntervalMs: number;
  /** Left out: gateways are told of no configuration. */
  readonly config?: AnnouncedConfig | undefined;
}
