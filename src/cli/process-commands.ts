/** `hub` and `gateway`: one process of a deployment. `dev` starts its children through these too. */

import { flushCompileCache } from "node:module";
import { type Command, Option } from "commander";
import { dataFolderDefault } from "./data-folder.ts";
import { latencyMsMax, parseListenText, parseWhole } from "./option-values.ts";

export interface ProcessOptions {
  /** As given; undefined: looked for in this folder. */
  readonly config?: string;
  readonly data: string;
  /** `HOST:PORT` instead of the file's. */
  readonly listen?: string;
  /** Started by `dev`: ends when the parent does, see `endWithParent`. */
  readonly dev?: boolean;
}

export type HubOptions = ProcessOptions;

export interface GatewayOptions extends ProcessOptions {
  readonly region: string;
  /** Which of the region's processes: 0, 1, … */
  readonly process: number;
  /** `HOST:PORT` of exactly this process's operations listener instead of the file's port + process. */
  readonly operations?: string;
  /** Instead of the file's. */
  readonly hubUrl?: string;
  /** One-way delay of every message on the link. */
  readonly latencyMs: number;
}

/** As many as a region may be configured to have. */
const processesMax = 64;

export function addProcessCommands(program: Command): void {
  addProcessOptions(program.command("hub").description("the hub and control plane")).action(
    async (options: HubOptions) => {
      const { runHub } = await import("./hub.ts");
      keepCompiled(options);
      await runHub(options);
    },
  );

  addProcessOptions(
    program
      .command("gateway")
      .description("one gateway process of a region")
      .requiredOption("--region <name>", "region of the configuration; NAME/K: its process K")
      .option(
        "--process <k>",
        "which of the region's processes, from 0",
        (text) => parseWhole(text, 0, processesMax - 1),
        0,
      ),
  )
    .addOption(hidden("--operations <host:port>").argParser(parseListenText))
    .addOption(hidden("--hub-url <url>"))
    .addOption(
      hidden("--latency-ms <n>")
        .argParser((text) => parseWhole(text, 0, latencyMsMax))
        .default(0),
    )
    .action(async (options: GatewayOptions) => {
      const { runGateway } = await import("./gateway.ts");
      keepCompiled(options);
      await runGateway(named(options));
    });
}

/** `sydney/1`, as logs and status call a process: one word, for service managers. */
function named(options: GatewayOptions): GatewayOptions {
  const [region = "", process] = options.region.split("/");
  if (process === undefined) return options;
  return { ...options, region, process: parseWhole(process, 0, processesMax - 1) };
}

/** By then a process has started and has other things to do than the first time. */
const keepCompiledAfterMs = 3_000;

/** What was compiled is otherwise kept at a process's orderly end, which those of `dev` may never have. */
function keepCompiled(options: ProcessOptions): void {
  if (options.dev === true) setTimeout(flushCompileCache, keepCompiledAfterMs).unref();
}

function addProcessOptions(command: Command): Command {
  return command
    .option("--config <file>", "configuration; default: tallygate.yaml in this folder")
    .option("--data <dir>", "data folder", dataFolderDefault)
    .addOption(hidden("--listen <host:port>").argParser(parseListenText))
    .addOption(hidden("--dev"));
}

function hidden(flags: string): Option {
  return new Option(flags).hideHelp();
}
