/** What the routes of the admin API share. */

import type { OpenAPIHono } from "@hono/zod-openapi";
import type { CompiledConfig } from "../access/compiled-config.ts";
import type { HubApi } from "../hub/hub-api.ts";
import type { StatusDesk } from "../hub/status-desk.ts";
import type { AuditLog } from "../ports/audit-log.ts";
import type { Clock, Random, Timers } from "../ports/clock.ts";
import type { EventStore } from "../ports/event-store.ts";
import type { Log } from "../ports/log.ts";
import type { Mailer } from "../ports/mailer.ts";
import type { PortalStore } from "../ports/portal-store.ts";
import type { RegistryStore } from "../ports/registry-store.ts";
import type { TokenStore } from "../ports/token-store.ts";
import type { WebFiles } from "../ports/web-files.ts";
import type { ConfigVersions } from "./config-versions.ts";
import type { LiveWatch } from "./live-watch.ts";
import type { ControlEnv } from "./problem.ts";

export interface ControlContext {
  readonly hub: HubApi;
  /** The configuration in force: asked for every time. */
  config(): CompiledConfig;
  /** SHA-256 of the admin token in force: asked for every time. */
  adminTokenHash(): Uint8Array;
  /** Why the hub cannot work yet; undefined: it can. One public sentence. */
  notReady(): string | undefined;
  /** A fresh backup. `close` is called once, whether or not the body was read to its end. */
  openBackup(): Promise<OpenBackup>;
  /** The hub's metrics in Prometheus' text format. */
  exposeMetrics(): Promise<string>;
  readonly idempotency: Pick<RegistryStore, "getIdempotent" | "putIdempotent">;
  readonly audit: AuditLog;
  readonly events: EventStore;
  readonly tokens: TokenStore;
  readonly configs: ConfigVersions;
  readonly status: StatusPages;
  readonly portal: {
    readonly store: PortalStore;
    /** Undefined: no mail can be sent. */
    readonly mailer: Mailer | undefined;
    /** Where the hub is reached: of links, where none is configured. */
    readonly hubUrl: string;
  };
  readonly live: Pick<LiveWatch, "samples">;
  /** The built pages; empty where they are not. */
  readonly web: WebFiles;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
}

/** The hub's desk of the status page. */
export type StatusPages = Pick<StatusDesk, "document" | "feedId" | "incidents">;

export interface OpenBackup {
  readonly bytes: number;
  /** Of the stream: what the backup covers. */
  readonly position: number;
  readonly body: ReadableStream<Uint8Array>;
}

export type ControlApp = OpenAPIHono<ControlEnv>;

/** OpenAPI: every route but log-in, health and the document itself wants a token, or the session of somebody who had one. */
export const bearerSecurity = [{ bearer: [] }, { session: [] }];
