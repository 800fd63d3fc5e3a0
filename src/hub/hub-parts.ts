/** What the hub's parts see of each other. Made in hub.ts. */

import type { Incarnation, ProducerId, Seq } from "../base/words.ts";
import type { Clock, Timers } from "../ports/clock.ts";
import type { Hello } from "../ports/link.ts";
import type { Log } from "../ports/log.ts";
import type { UsageStream } from "../ports/usage-stream.ts";
import type { AnnouncedConfig } from "./config-announcement.ts";
import type { GatewaySession } from "./gateway-session.ts";
import type { HubMetrics } from "./hub-metrics.ts";
import type { HubState } from "./hub-state.ts";
import type { HubTime } from "./hub-time.ts";
import type { KeyRefusals } from "./key-refusals.ts";
import type { LeaseDesk } from "./lease-desk.ts";
import type { Registry } from "./registry.ts";
import type { Replicator } from "./replicator.ts";
import type { StatusListener } from "./status-desk.ts";

export interface Cluster {
  readonly clusterId: string;
  /** 32 hex digits. */
  readonly hashKey: string;
}

export interface HubParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly cluster: Cluster;
  readonly stream: UsageStream;
  readonly state: HubState;
  readonly time: HubTime;
  readonly replicator: Replicator;
  readonly registry: Registry;
  readonly desk: LeaseDesk;
  readonly refusals: KeyRefusals;
  readonly metrics: HubMetrics;
  readonly status: StatusListener | undefined;
  /** Calls `session.welcome` when the hub's epoch is above all that the hello names. */
  onHello(session: GatewaySession, hello: Hello): void;
  onAppendFailed(session: GatewaySession, incarnation: Incarnation, error: unknown): void;
  /** The configuration that gateways are to have; undefined: they are told none. */
  readonly announced: AnnouncedConfig | undefined;
  /** What the newest backup covers of a producer; undefined: none was ever made. */
  coverage(producer: ProducerId): readonly (readonly [Incarnation, Seq])[] | undefined;
}
