/** Opens what one member of a region's processes keeps on disk, and joins it to the hub. */

import { join } from "node:path";
import type { CompiledConfig } from "../access/compiled-config.ts";
import { directDialer } from "../adapters/direct/dialer.ts";
import { nodeClock, nodeRandom, nodeTimers } from "../adapters/node/clock.ts";
import { nodeProber } from "../adapters/node/prober.ts";
import { readClientTls } from "../adapters/node/tls-client.ts";
import { openGatewayStore } from "../adapters/sqlite/gateway-store.ts";
import { openJournal } from "../adapters/sqlite/journal.ts";
import { TallygateError } from "../base/errors.ts";
import type { ConfigTaker } from "../gateway/config-offer.ts";
import { GatewayCore, type GatewayRules } from "../gateway/core.ts";
import type { Journal } from "../ports/journal.ts";
import type { Log } from "../ports/log.ts";
import type { Metrics } from "../ports/metrics.ts";
import { isLoopback } from "./control-client.ts";
import { type DataFolder, readToken } from "./data-folder.ts";

export interface Member {
  readonly config: CompiledConfig;
  readonly folder: DataFolder;
  readonly region: string;
  readonly process: number;
  /** The public address, for status. */
  readonly listen: string;
  readonly hubUrl: string;
  /** One-way delay of every message on the link. */
  readonly latencyMs: number;
  readonly rules: GatewayRules;
  /** Left out: it takes no configurations from the hub. */
  readonly configs?: ConfigTaker;
}

/** The member's folder must be locked. The core is started; stopping it closes the journal too. */
export async function openCore(
  member: Member,
  outside: { readonly log: Log; readonly metrics: Metrics },
): Promise<{ core: GatewayCore; journal: Journal }> {
  const { config, folder, region, process, listen } = member;
  const { log, metrics } = outside;
  const token = joinToken(folder);
  checkLink(member, log);
  const home = folder.gateway(region, process);
  // Two threads that start side by side: a restarted gateway serves a tenth of a second sooner.
  const [journal, store] = await Promise.all([
    openJournal({
      file: join(home, "journal.db"),
      durability: config.durability,
      sizeMaxBytes: config.journal.sizeMaxBytes,
    }),
    openGatewayStore(join(home, "state.db")),
  ]);
  const dialer = directDialer({
    url: member.hubUrl,
    joinToken: token,
    identity: journal.identity,
    tls: () => readClientTls(config.hub.link),
    delayMs: member.latencyMs,
    onRefused: (refusal, field) =>
      log.error("a message of the hub was refused", { refusal, field }),
  });
  const core = new GatewayCore(
    {
      region,
      process,
      listen,
      flushIntervalMs: config.journal.flushIntervalMs,
      retentionMs: config.journal.retentionMs,
      rules: member.rules,
      configs: member.configs,
    },
    {
      journal,
      store,
      dialer,
      clock: nodeClock,
      timers: nodeTimers,
      random: nodeRandom,
      log,
      metrics,
      prober: nodeProber,
    },
  );
  await core.start();
  return { core, journal };
}

/** What is wrong with files is said at the start, not at the first attempt. Fails with `certificate-invalid`. */
function checkLink({ config, hubUrl }: Member, log: Log): void {
  const { protocol, hostname, origin } = new URL(hubUrl);
  if (protocol === "https:") readClientTls(config.hub.link);
  else if (!isLoopback(hostname)) {
    log.warn("the link to the hub is not encrypted: join token and usage can be read on the way", {
      hub: origin,
    });
  }
}

/** From the environment; beside a hub on this machine, from its data folder. */
function joinToken(folder: DataFolder): string {
  const named = process.env["TALLYGATE_JOIN_TOKEN"];
  if (named !== undefined) return named.trim();
  try {
    return readToken(folder.joinToken);
  } catch (cause) {
    const detail =
      "there is no join token; set TALLYGATE_JOIN_TOKEN to what the hub's join-token file holds";
    throw new TallygateError("join-refused", detail, cause);
  }
}
