/** One gateway process: opens its data, joins the hub, serves calls and operations, runs until a signal. */

import { setTimeout as sleep } from "node:timers/promises";
import type { CompiledConfig, ListenAddress, RegionConfig } from "../access/compiled-config.ts";
import { rulesVersion } from "../access/config-change.ts";
import { nodeClock, nodeRandom, nodeTimers } from "../adapters/node/clock.ts";
import { nodeHandlerHost } from "../adapters/node/handler-host.ts";
import { nodeLog } from "../adapters/node/log.ts";
import { nodeMetrics } from "../adapters/node/metrics.ts";
import { listenOperations } from "../adapters/node/operations-listener.ts";
import type { CertificateStore } from "../adapters/node/tls-store.ts";
import { upstreamNetwork } from "../adapters/node/upstream-client.ts";
import { checkUpstreamFiles } from "../adapters/node/upstream-tls.ts";
import { lockFolder } from "../adapters/sqlite/lock.ts";
import { AssertionError } from "../base/assert.ts";
import { TallygateError } from "../base/errors.ts";
import type { CallObserver } from "../gateway/access-record.ts";
import type { GatewayCore, GatewayRules } from "../gateway/core.ts";
import { Pipeline } from "../gateway/pipeline.ts";
import { UpstreamSet } from "../gateway/upstream-set.ts";
import type { Journal } from "../ports/journal.ts";
import type { Log } from "../ports/log.ts";
import type { Metrics } from "../ports/metrics.ts";
import { adoptJournals } from "./adopt-journals.ts";
import { OfferedConfigs, readOffer, type StartConfig, startConfig } from "./applied-config.ts";
import { Cleanup } from "./cleanup.ts";
import { reloadConfig } from "./config-reload.ts";
import { dataFolder } from "./data-folder.ts";
import { endWithParent } from "./end-with-parent.ts";
import { firstContact } from "./first-contact.ts";
import { listenAddress, listenText } from "./listen-address.ts";
import { loadConfig } from "./load-config.ts";
import { observeCalls } from "./observe-calls.ts";
import { openCore } from "./open-core.ts";
import type { GatewayOptions } from "./process-commands.ts";
import { openPublicListener } from "./public-listener.ts";
import { catchHangup, catchStopSignal, stopSignals } from "./run-until-signal.ts";

/** The hub of the same machine takes a changed file first: then it knows every key, plan and strict limit that it is asked about. */
const hubFirstMs = 300;

/** How long one that `dev` started waits for replies in progress: nobody waits longer for Ctrl-C. */
const devStopMsMax = 8_000;

/** Resolves when the gateway has stopped in order after a signal. Fails with a `TallygateError` if it cannot start. */
export async function runGateway(options: GatewayOptions): Promise<void> {
  const stop = catchStopSignal(stopSignals);
  const hangup = catchHangup();
  const home = dataFolder(options.data).gateway(options.region, options.process);
  const loaded = startConfig(await loadConfig(options.config), readOffer(home));
  const { config } = loaded;
  const region = config.regions.find(({ name }) => name === options.region);
  if (region === undefined) {
    const names = config.regions.map(({ name }) => name).join(", ");
    throw new TallygateError(
      "usage-wrong",
      `there is no region "${options.region}"; the configuration has ${names}`,
    );
  }
  const cleanup = new Cleanup();
  try {
    if (options.dev === true) endWithParent(() => cleanup.run());
    await openGateway({ options, loaded, config, region, hangup }, cleanup);
    await stop.arrived;
  } finally {
    await cleanup.run();
  }
}

interface Start {
  readonly options: GatewayOptions;
  readonly loaded: StartConfig;
  readonly config: CompiledConfig;
  readonly region: RegionConfig;
  readonly hangup: ReturnType<typeof catchHangup>;
}

async function openGateway(start: Start, cleanup: Cleanup): Promise<void> {
  const { options, config, region } = start;
  const folder = dataFolder(options.data);
  const home = folder.gateway(region.name, options.process);
  const lock = lockFolder(home);
  cleanup.add(() => lock.release());
  const { level } = config.log;
  const log = nodeLog({ level, fields: { region: region.name, process: options.process } });
  cleanup.add(outliveHandlers(log));
  const metrics = nodeMetrics();
  const listen = listenAddress(options.listen, region.listen);
  const member = {
    config,
    folder,
    region: region.name,
    process: options.process,
    listen: listenText(listen),
    hubUrl: options.hubUrl ?? config.hub.url,
    latencyMs: options.latencyMs,
    rules: rulesOf(config),
    configs: new OfferedConfigs({ state: start.loaded.state, folder: home, log }),
  };
  const { core, journal } = await openCore(member, { log, metrics });
  cleanup.add(() => core.stop());
  const calls = await observeCalls(
    { config: config.log, region: region.name, process: options.process, log, metrics },
    cleanup,
  );
  const { observer } = calls;
  const pipeline = await openPipeline(config, { core, journal, log, metrics, observer }, cleanup);
  let current = config;
  let isListening = false;
  const operations = await listenOperations({
    ...operationsAddress(start),
    metrics,
    unready: () => (isListening ? pipeline.unready() : "the gateway is starting"),
  });
  cleanup.add(() => operations.stop());
  await firstContact({
    isMade: () => core.time.isDisciplined,
    hasFailed: () => core.session.hasFailed,
  });
  const isDev = options.dev === true;
  const { certificates } = await openPublicListener(
    {
      ...{ config: () => current, region, listen, isDev },
      stopMsMax: () => (isDev ? devStopMsMax : current.shutdown.timeoutMs),
    },
    { pipeline, log, metrics },
    cleanup,
  );
  isListening = true;
  cleanup.add(() => {
    pipeline.beginStop();
    const { drainMs } = current.shutdown;
    if (isDev || drainMs === 0) return undefined;
    log.info("the gateway drains", { drainMs });
    return sleep(drainMs);
  });
  const reload = reloadConfig({
    ...{ loaded: start.loaded, text: start.loaded.text },
    role: { kind: "gateway", region: region.name },
    ...{ delayMs: hubFirstMs, log, metrics },
    take: async (changed) => {
      await takeConfig(changed, { pipeline, core, certificates, region: region.name });
      current = changed;
    },
  });
  cleanup.add(() => reload.stop());
  member.configs.begin((text) => reload.use(text));
  start.hangup.listen(() => {
    calls.reopen();
    void reload.now();
  });
  if (options.process === 0) cleanup.add(adoptJournals(member, region.processes, log));
  log.info("the gateway listens", { listen: member.listen });
}

/** Puts a changed configuration into use, all of it in one turn. If it fails, nothing has changed. */
async function takeConfig(
  changed: CompiledConfig,
  parts: {
    readonly pipeline: Pipeline;
    readonly core: GatewayCore;
    readonly certificates: CertificateStore | undefined;
    readonly region: string;
  },
): Promise<void> {
  const { pipeline, core, certificates, region } = parts;
  const use = await pipeline.prepare(changed);
  const files = changed.regions.find(({ name }) => name === region)?.tls?.certificates;
  if (files !== undefined && certificates?.reload(files) === false) {
    throw new TallygateError("config-invalid", "the certificates cannot be used; the log says why");
  }
  use();
  core.reconfigure(rulesOf(changed));
}

function rulesOf(config: CompiledConfig): GatewayRules {
  return { plans: config.plans, version: rulesVersion(config) };
}

/**
 * A promise that a handler started and lets fail unheard ends neither this process nor other calls. Our own failures do:
 * what they leave behind is not known, and a restart is. Returns how to end this.
 */
function outliveHandlers(log: Log): () => void {
  const onRejection = (cause: unknown): void => {
    if (cause instanceof AssertionError || cause instanceof TallygateError) throw cause;
    log.error("a promise of a handler failed and nobody listened", {}, cause);
  };
  process.on("unhandledRejection", onRejection);
  return () => process.off("unhandledRejection", onRejection);
}

function operationsAddress({ options, region }: Start): ListenAddress {
  const { host, port } = region.operations;
  return listenAddress(options.operations, { host, port: port + options.process });
}

async function openPipeline(
  config: CompiledConfig,
  parts: {
    readonly core: GatewayCore;
    readonly journal: Journal;
    readonly log: Log;
    readonly metrics: Metrics;
    readonly observer: CallObserver | undefined;
  },
  cleanup: Cleanup,
): Promise<Pipeline> {
  const { core, journal, log, metrics, observer } = parts;
  checkUpstreamFiles(config.upstreams, log);
  const upstreams = new UpstreamSet(core.options.region, {
    network: upstreamNetwork(log),
    clock: nodeClock,
    timers: nodeTimers,
    random: nodeRandom,
    log,
    metrics,
  });
  cleanup.add(() => upstreams.close());
  const pipeline = await Pipeline.create(
    {
      region: core.options.region,
      meter: core.meter,
      leases: core.leases,
      refusals: core.refusals,
      time: core.time,
      tables: () => core.view.tables,
      viewAgeMs: (nowMs) => core.view.ageMs(nowMs),
      cutOffMs: (nowMs) => core.cutOffMs(nowMs),
      credentials: () => core.credentials,
      publicStatus: () => core.status.body(),
      unready: () => (core.isReady ? "" : "the cluster's keys and totals are not known yet"),
      upstreams,
      handlers: nodeHandlerHost(),
      clock: nodeClock,
      timers: nodeTimers,
      random: nodeRandom,
      log,
      metrics,
      observer,
    },
    config,
  );
  cleanup.add(() => pipeline.stop());
  journal.onStored((position) => pipeline.stored(position));
  return pipeline;
}
