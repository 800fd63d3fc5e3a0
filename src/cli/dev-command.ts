/** `dev`: options, what it prints, how it ends. */

import type { Command } from "commander";
import type { CompiledConfig } from "../access/compiled-config.ts";
import { dataFolderDefault } from "./data-folder.ts";
import type { DevState } from "./dev-state.ts";
import { parseLatencies, parsePort } from "./option-values.ts";
import { factLines, print, printable, printJson, shortMs } from "./output.ts";
import { catchHangup, catchStopSignal, stopSignals } from "./run-until-signal.ts";

export const basePortDefault = 8080;

export interface DevCommandOptions {
  readonly config?: string;
  readonly data: string;
  readonly basePort: number;
  readonly latency?: ReadonlyMap<string, number>;
}

/** The options that `dev` and the demo share. */
export function addDevOptions(command: Command): Command {
  return command
    .option("--data <dir>", "data folder", dataFolderDefault)
    .option(
      "--base-port <n>",
      "hub on N, regions on N+1…, operations on N+101…",
      parsePort,
      basePortDefault,
    )
    .option(
      "--latency <list>",
      "delay between regions and the hub, one way: sydney=65ms,seoul=60ms",
      parseLatencies,
    );
}

export function addDevCommand(program: Command): void {
  addDevOptions(
    program
      .command("dev")
      .description("hub and all regions on this machine, one process each")
      .option("--config <file>", "configuration; default: tallygate.yaml in this folder"),
  )
    .option("--json", "print one JSON document once all is ready")
    .action(dev);
}

async function dev(options: DevCommandOptions & { json?: boolean }): Promise<void> {
  const { startDev } = await import("./dev.ts");
  const startedMs = performance.now();
  // Of a terminal SIGHUP says that it is gone, and that everything is to stop; without one it asks for a reload.
  const isAttended = process.stdin.isTTY || process.stdout.isTTY;
  const stopSignal = catchStopSignal(isAttended ? undefined : stopSignals);
  const hangup = isAttended ? undefined : catchHangup();
  const cluster = await startDev({
    ...options,
    latencies: options.latency ?? new Map(),
    onLine: printChildLine,
  });
  hangup?.listen(() => cluster.reload());
  let isStopped = false;
  const stopped = stopSignal.arrived.then(() => {
    isStopped = true;
  });
  try {
    await Promise.race([cluster.ready, stopped]);
    if (!isStopped) {
      const { token: _, ...state } = cluster.state();
      if (options.json) printJson(state);
      else printAddresses(cluster.state(), cluster.config.config, options);
      if (!options.json) {
        print(`\nready in ${shortMs(performance.now() - startedMs)}; Ctrl-C stops everything`);
      }
      await stopped;
    }
  } finally {
    await cluster.stop();
    stopSignal.release();
  }
}

/** Children's lines are for people even where standard output is a document. */
export function printChildLine(name: string, line: string): void {
  process.stderr.write(`${name} | ${printable(line)}\n`);
}

function pagesLine(hubUrl: string, { portal }: CompiledConfig): string {
  const others = [...(portal === undefined ? [] : ["/portal"]), "/status", "/docs"];
  return `${hubUrl}/ dashboard, ${others.join(", ")}`;
}

export function printAddresses(
  state: DevState,
  config: CompiledConfig,
  options: Pick<DevCommandOptions, "latency" | "data">,
): void {
  const facts: [string, string][] = [
    ["hub", `${state.hub.url}   admin token in ${options.data}/admin-token`],
    ["pages", pagesLine(state.hub.url, config)],
  ];
  for (const { name, processes } of config.regions) {
    const region = state.regions[name];
    if (region === undefined) continue;
    const notes = [`operations ${region.operations}`];
    if (processes > 1) notes.push(`${processes} processes`);
    const latencyMs = options.latency?.get(name) ?? 0;
    if (latencyMs > 0) notes.push(`${latencyMs} ms from the hub`);
    facts.push([name, `${region.url}   ${notes.join(", ")}`]);
  }
  for (const line of factLines(facts)) print(line);
}
