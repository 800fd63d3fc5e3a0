/** The hub's process: opens its data, serves the admin API and the link on one port, runs until a signal. */

import { createReadStream, existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { stat, unlink } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import type { CompiledConfig } from "../access/compiled-config.ts";
import { rulesVersion } from "../access/config-change.ts";
import { formatListen } from "../access/config-values.ts";
import { directAcceptor } from "../adapters/direct/acceptor.ts";
import { nodeClock, nodeRandom, nodeTimers } from "../adapters/node/clock.ts";
import { nodeLog } from "../adapters/node/log.ts";
import { nodeMetrics } from "../adapters/node/metrics.ts";
import { readWebFolder } from "../adapters/node/web-folder.ts";
import { openLedgerStore } from "../adapters/sqlite/ledger-store.ts";
import { lockFolder } from "../adapters/sqlite/lock.ts";
import { openRegistryStore } from "../adapters/sqlite/registry-store.ts";
import { openStatusStore } from "../adapters/sqlite/status-store.ts";
import { openUsageStream } from "../adapters/sqlite/usage-stream.ts";
import { TallygateError } from "../base/errors.ts";
import { createControl } from "../control/control.ts";
import type { OpenBackup } from "../control/control-context.ts";
import { watchEvents } from "../control/event-watch.ts";
import { LiveWatch } from "../control/live-watch.ts";
import { announcementOf } from "../hub/config-announcement.ts";
import type { OvershootLimit } from "../hub/counter-limits.ts";
import { type Hub, startHub } from "../hub/hub.ts";
import type { HubApi } from "../hub/hub-api.ts";
import type { HubRules } from "../hub/hub-options.ts";
import { streamStart } from "../hub/ledger-meta.ts";
import type { ProbedRegion } from "../hub/probe-plan.ts";
import type { SealedFiles } from "../hub/sealer.ts";
import { StatusDesk } from "../hub/status-desk.ts";
import type { UsageQuery } from "../ports/ledger-store.ts";
import type { Log } from "../ports/log.ts";
import { startConfig } from "./applied-config.ts";
import { archiveAudit } from "./audit-archive.ts";
import { Cleanup } from "./cleanup.ts";
import { type ConfigReload, reloadConfig } from "./config-reload.ts";
import { controlServer } from "./control-server.ts";
import { type DataFolder, dataFolder, ensureToken, watchToken } from "./data-folder.ts";
import { endWithParent } from "./end-with-parent.ts";
import { hubConfigs } from "./hub-configs.ts";
import { checkKey } from "./key-check.ts";
import { linkRefusals } from "./link-refusals.ts";
import { listenAddress } from "./listen-address.ts";
import { type LoadedConfig, loadConfig } from "./load-config.ts";
import { openMailer } from "./open-mailer.ts";
import type { HubOptions } from "./process-commands.ts";
import { refuseHalfRestored } from "./restore.ts";
import { catchHangup, catchStopSignal, stopSignals } from "./run-until-signal.ts";

/** As far from a source file as from a built one. */
const pagesFolder = join(import.meta.dirname, "..", "..", "dist-web");

/** Names of backups on their way to a client, unique within the process. */
let backupNumber = 0;

const nothingUsed: UsageQuery = {
  ...{ by: "region", window: "total", fromMs: 0, toMs: 0, top: 0, limit: 1, offset: 0, where: {} },
};

/** Resolves when the hub has stopped in order after a signal. Fails with a `TallygateError` if it cannot start. */
export async function runHub(options: HubOptions): Promise<void> {
  const stop = catchStopSignal(stopSignals);
  const hangup = catchHangup();
  const loaded = await loadConfig(options.config);
  const cleanup = new Cleanup();
  try {
    if (options.dev === true) endWithParent(() => cleanup.run());
    await openHub({ options, loaded, hangup }, cleanup);
    await stop.arrived;
  } finally {
    await cleanup.run();
  }
}

interface Start {
  readonly options: HubOptions;
  readonly loaded: LoadedConfig;
  readonly hangup: ReturnType<typeof catchHangup>;
}

async function openHub(start: Start, cleanup: Cleanup): Promise<void> {
  const { options } = start;
  const folder = dataFolder(options.data);
  const lock = lockFolder(folder.hub);
  cleanup.add(() => lock.release());
  // Copies of backups that a crash left behind.
  rmSync(join(folder.hub, "outbox"), { recursive: true, force: true });
  const joinToken = process.env["TALLYGATE_JOIN_TOKEN"] ?? ensureToken(folder.joinToken);
  const adminTokenHash = watchToken(folder.adminToken);

  refuseHalfRestored(folder.hub);
  const registry = await openRegistryStore(join(folder.hub, "registry.db"));
  cleanup.add(() => registry.close());
  const applied = announcementOf(registry.configs.newest());
  const text = registry.configs.newest()?.text ?? "";
  const loaded = startConfig(start.loaded, { ...applied, text });
  let { config } = loaded;
  const listen = listenAddress(options.listen, config.hub.listen);
  const log = nodeLog({ level: config.log.level, fields: { process: "hub" } });
  const metrics = nodeMetrics();
  if (loaded.state.problem !== "") {
    const { refused, problem } = loaded.state;
    log.error("the applied configuration is wrong here; the file is used", { refused, problem });
  }
  const ledger = await openLedgerStore(join(folder.hub, "ledger.db"));
  cleanup.add(() => ledger.close());
  const file = join(folder.hub, "stream.db");
  const startAfter = await streamStart(ledger, { hasStream: existsSync(file) });
  const stream = await openUsageStream({ file, startAfter });
  cleanup.add(() => stream.close());

  const mailer = await openMailer(config.portal, { isDev: options.dev === true, log });
  cleanup.add(() => mailer?.close());
  const running: { hub?: Hub; reload?: ConfigReload } = {};
  const timeMs = (): number => running.hub?.nowMs() ?? nodeClock.wallMs();
  const status = await openStatus({ folder, timeMs, config: () => config, log }, cleanup);
  const api = lateApi(() => running.hub?.api);
  const live = new LiveWatch({
    ...{ status: () => running.hub?.api.status(), clock: nodeClock, timers: nodeTimers, log },
  });
  cleanup.add(async () => live.stop());
  const control = createControl({
    hub: api,
    config: () => config,
    adminTokenHash,
    notReady: () =>
      running.hub === undefined ? "The hub is reading its ledger and stream." : undefined,
    openBackup: () => openBackup(api, folder),
    exposeMetrics: () => metrics.expose(),
    idempotency: registry,
    audit: registry.audit,
    events: registry.events,
    tokens: registry.tokens,
    configs: hubConfigs(registry.configs, () => {
      const { hub, reload } = running;
      return hub === undefined || reload === undefined ? undefined : { hub, reload };
    }),
    status,
    portal: {
      ...{ store: registry.portal, mailer },
      hubUrl: options.dev === true ? `http://${formatListen(listen)}` : config.hub.url,
    },
    web: readWebFolder(pagesFolder),
    live,
    clock: nodeClock,
    timers: nodeTimers,
    random: nodeRandom,
    log,
  });
  const answer = getRequestListener((request, env) => {
    const { incoming } = env as { readonly incoming: IncomingMessage };
    return control.fetch(request, { address: incoming.socket.remoteAddress });
  });
  // What `dev` starts stays on this machine.
  const tls = options.dev === true ? undefined : config.hub.tls;
  const port = controlServer({ tls, log, metrics }, (request, response) => {
    void answer(request, response);
  });
  const countRefusal = linkRefusals(metrics);
  const acceptor = directAcceptor({
    server: port.server,
    hasCertificate: (request) => port.hasCertificate(request),
    joinToken,
    producerSecret: (producer) => registry.producerSecret(producer),
    registerProducer: (producer, hash) => registry.putProducer(producer, hash),
    onRefusal: (reason, cause) => {
      countRefusal(reason);
      log.warn("a gateway's connection or message was refused", { reason });
      if (cause !== undefined) log.error("a producer could not be registered", {}, cause);
    },
  });
  cleanup.add(() => port.close());
  await port.listen(listen);
  cleanup.add(() => acceptor.close());

  const hub = await startHub(
    {
      clock: nodeClock,
      timers: nodeTimers,
      random: nodeRandom,
      log,
      metrics,
      stream,
      ledger,
      registry,
      acceptor,
      status,
      sealed: sealedFiles(folder),
      fileBytes: async (file) => (await stat(file)).size,
    },
    {
      ...rulesOf(config),
      publishIntervalMs: config.stream.publishIntervalMs,
      checkpointIntervalMs: config.stream.checkpointIntervalMs,
      streamRetentionMs: config.stream.retentionMs,
      sealIntervalMs: config.stream.sealIntervalMs,
      config: applied,
    },
  );
  running.hub = hub;
  cleanup.add(() => hub.stop());
  cleanup.add(archiveAudit(registry.audit, join(folder.hub, "audit"), log));
  status.start();
  const watch = watchEvents({
    ...{ status: () => hub.api.status(), config: () => config, events: registry.events },
    ...{ clock: nodeClock, timers: nodeTimers, log },
  });
  cleanup.add(() => watch.stop());
  const reload = reloadConfig({
    ...{ loaded, text: loaded.text, role: { kind: "hub" }, delayMs: 0, log, metrics },
    async take(changed) {
      if (port.certificates?.reload() === false) {
        throw new TallygateError(
          "config-invalid",
          "the certificate cannot be used; the log says why",
        );
      }
      await hub.reconfigure(rulesOf(changed));
      config = changed;
    },
  });
  running.reload = reload;
  cleanup.add(() => reload.stop());
  start.hangup.listen(() => void reload.now());
  // So that the first page of a report does not wait for the start of its thread.
  void hub.api.usagePage(nothingUsed).catch(() => undefined);
  log.info("the hub is ready", { port: listen.port });
}

async function openStatus(
  of: {
    readonly folder: DataFolder;
    readonly timeMs: () => number;
    readonly config: () => CompiledConfig;
    readonly log: Log;
  },
  cleanup: Cleanup,
): Promise<StatusDesk> {
  const { folder, timeMs, config, log } = of;
  const store = await openStatusStore(join(folder.hub, "status.db"));
  cleanup.add(() => store.close());
  const regions = (): ProbedRegion[] =>
    config().regions.map(({ name, url, tls, listen }) => {
      return { name, url, isTls: tls !== undefined, host: listen.host };
    });
  const desk = await StatusDesk.open({
    ...{ store, clock: nodeClock, timers: nodeTimers, random: nodeRandom, log, timeMs, regions },
    name: () => config().portal?.name ?? "",
  });
  cleanup.add(() => desk.stop());
  return desk;
}

function rulesOf(config: CompiledConfig): HubRules {
  return {
    regions: config.regions,
    keyPrefix: config.keys.prefix,
    checkKey: (plan, restrict) => checkKey(config, plan, restrict),
    journalSizeMaxBytes: config.journal.sizeMaxBytes,
    limits: overshootLimits(config),
    rulesVersion: rulesVersion(config),
  };
}

/** A shadow limit refuses nothing: what is beyond its quota is no overshoot. */
function overshootLimits(config: CompiledConfig): OvershootLimit[] {
  return config.plans.flatMap((plan) =>
    plan.limits.flatMap(({ name, quota, counter, enforcement }) => {
      const spec = plan.counters[counter];
      if (spec === undefined || enforcement === "shadow") return [];
      const { per, scope } = spec;
      const isStrict = enforcement === "strict";
      return {
        plan: plan.name,
        limit: name,
        per,
        window: spec.window.text,
        scope,
        quota,
        isStrict,
      };
    }),
  );
}

/**
 * The hub's API while there is no hub yet: the control plane is put together and says `not ready` before the hub has read its
 * data. What is asked for is looked up when it is called.
 */
function lateApi(hub: () => HubApi | undefined): HubApi {
  const registry = late(() => hub()?.registry);
  return new Proxy(late(hub), {
    get: (api, name) => (name === "registry" ? registry : api[name as keyof HubApi]),
  });
}

type Methods = Record<string | symbol, (...given: unknown[]) => unknown>;

function late<T extends object>(target: () => T | undefined): T {
  return new Proxy({} as T, {
    get:
      (_, name) =>
      (...given: unknown[]) => {
        const ready = target();
        if (ready === undefined) throw new TallygateError("ledger-failed", "the hub is starting");
        return (ready as unknown as Methods)[name]?.(...given);
      },
  });
}

function sealedFiles(folder: DataFolder): SealedFiles {
  return {
    path: (position) => join(folder.hub, `sealed-${position}.db`),
    open: (file) => openLedgerStore(file),
    remove: async (file) => {
      for (const suffix of ["", "-wal", "-shm"]) rmSync(`${file}${suffix}`, { force: true });
    },
  };
}

async function openBackup(api: HubApi, folder: DataFolder): Promise<OpenBackup> {
  const outbox = join(folder.hub, "outbox");
  mkdirSync(outbox, { recursive: true, mode: 0o700 });
  const file = join(outbox, `backup-${process.pid}-${++backupNumber}.db`);
  rmSync(file, { force: true });
  const { position, announce } = await api.backup(file);
  const source = createReadStream(file);
  // A copy that was not read to its end is nobody's backup: gateways must keep what it holds.
  source.once("end", () => void announce().catch(() => {}));
  source.once("close", () => void unlink(file).catch(() => {}));
  const body = Readable.toWeb(source) as unknown as ReadableStream<Uint8Array>;
  return { bytes: statSync(file).size, position, body };
}
