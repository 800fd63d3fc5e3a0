/** One gateway process: opens its data, joins the hub, serves calls and operations, runs until a signal. */

import type { CompiledConfig, ListenAddress, RegionConfig } from "../access/compiled-config.ts";
import { nodeClock, nodeRandom, nodeTimers } from "../adapters/node/clock.ts";
import { nodeHandlerHost } from "../adapters/node/handler-host.ts";
import { nodeLog } from "../adapters/node/log.ts";
import { nodeMetrics } from "../adapters/node/metrics.ts";
import { listenOperations } from "../adapters/node/operations-listener.ts";
import { upstreamNetwork } from "../adapters/node/upstream-client.ts";
import { checkUpstreamFiles } from "../adapters/node/upstream-tls.ts";
import { lockFolder } from "../adapters/sqlite/lock.ts";
import { AssertionError } from "../base/assert.ts";
import { TallygateError } from "../base/errors.ts";
import type { GatewayCore } from "../gateway/core.ts";
import { Pipeline } from "../gateway/pipeline.ts";
import { UpstreamSet } from "../gateway/upstream-set.ts";
import type { Journal } from "../ports/journal.ts";
import type { Log } from "../ports/log.ts";
import type { Metrics } from "../ports/metrics.ts";
import { adoptJournals } from "./adopt-journals.ts";
import { Cleanup } from "./cleanup.ts";
import { dataFolder } from "./data-folder.ts";
import { endWithParent } from "./end-with-parent.ts";
import { firstContact } from "./first-contact.ts";
import { listenAddress, listenText } from "./listen-address.ts";
import { loadConfig } from "./load-config.ts";
import { openCore } from "./open-core.ts";
import type { GatewayOptions } from "./process-commands.ts";
import { openPublicListener } from "./public-listener.ts";
import { catchStopSignal } from "./run-until-signal.ts";

/** How long a stopping gateway waits for replies in progress. */
const stopMsMax = 8_000;

/** Resolves when the gateway has stopped in order after a signal. Fails with a `TallygateError` if it cannot start. */
export async function runGateway(options: GatewayOptions): Promise<void> {
  const stop = catchStopSignal();
  const { config } = await loadConfig(options.config);
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
    await openGateway({ options, config, region }, cleanup);
    await stop.arrived;
  } finally {
    await cleanup.run();
  }
}

interface Start {
  readonly options: GatewayOptions;
  readonly config: CompiledConfig;
  readonly region: RegionConfig;
}

async function openGateway(start: Start, cleanup: Cleanup): Promise<void> {
  const { options, config, region } = start;
  const folder = dataFolder(options.data);
  const lock = lockFolder(folder.gateway(region.name, options.process));
  cleanup.add(() => lock.release());
  const log = nodeLog({ fields: { region: region.name, process: options.process } });
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
  };
  const { core, journal } = await openCore(member, { log, metrics });
  cleanup.add(() => core.stop());
  const pipeline = await openPipeline(config, { core, journal, log, metrics }, cleanup);
  await firstContact({
    isMade: () => core.time.isDisciplined,
    hasFailed: () => core.session.hasFailed,
  });
  await openPublicListener(
    { config: () => config, region, listen, isDev: options.dev === true, stopMsMax },
    { pipeline, log, metrics },
    cleanup,
  );
  const operations = await listenOperations({
    ...operationsAddress(start),
    metrics,
    unready: () => pipeline.unready(),
  });
  cleanup.add(() => operations.stop());
  cleanup.add(() => pipeline.beginStop());
  if (options.process === 0) cleanup.add(adoptJournals(member, region.processes, log));
  log.info("the gateway listens", { listen: member.listen });
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
  parts: { core: GatewayCore; journal: Journal; log: Log; metrics: Metrics },
  cleanup: Cleanup,
): Promise<Pipeline> {
  const { core, journal, log, metrics } = parts;
  checkUpstreamFiles(config.upstreams, log);
  const upstreams = new UpstreamSet(core.options.region, {
    network: upstreamNetwork(),
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
      time: core.time,
      tables: () => core.view.tables,
      viewAgeMs: (nowMs) => core.view.ageMs(nowMs),
      cutOffMs: (nowMs) => core.cutOffMs(nowMs),
      credentials: () => core.credentials,
      unready: () => (core.isReady ? "" : "the cluster's keys and totals are not known yet"),
      upstreams,
      handlers: nodeHandlerHost(),
      clock: nodeClock,
      timers: nodeTimers,
      random: nodeRandom,
      log,
      metrics,
    },
    config,
  );
  cleanup.add(() => pipeline.stop());
  journal.onStored((position) => pipeline.stored(position));
  return pipeline;
}
