/** `config apply|versions|show|rollback|release`: the configuration in force, through the hub. */

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { TallygateError } from "../base/errors.ts";
import type {
  ConfigApplyJson,
  ConfigVersionJson,
  ConfigVersionListJson,
} from "../control/config-version-schemas.ts";
import type { RegionListJson } from "../control/status-schemas.ts";
import {
  addControlOptions,
  type ControlOptions,
  type ControlPlane,
  callControl,
  findControlPlane,
} from "./control-client.ts";
import { parseWhole } from "./option-values.ts";
import { grouped, print, printable, printJson, shortInstant, tableLines } from "./output.ts";
import { startProgress } from "./progress.ts";

type Options = ControlOptions & { readonly json?: boolean };
type NoteOptions = Options & { readonly note?: string };

/** How long gateways are waited for: those that are connected have it in a fraction of a second. */
const takenMsMax = 5_000;
const takenLookMs = 100;
/** Versions of one page of the API. */
const pageMax = 1_000;

export function addConfigVersionCommands(program: Command): void {
  const config = program
    .command("config")
    .description("the configuration in force everywhere, applied through the hub")
    .helpCommand(false);
  const note = ["--note <text>", "for people"] as const;

  addControlOptions(
    config
      .command("apply")
      .description("put a file's configuration in force at the hub and every gateway")
      .argument("<file>", "YAML or JSON")
      .option(...note),
  ).action(async (file: string, options: NoteOptions) => {
    const body: ConfigApplyJson = {
      text: readText(file),
      format: file.endsWith(".json") ? "json" : "yaml",
      note: options.note ?? "",
    };
    await apply("/v1/config/versions", body, options);
  });

  addControlOptions(
    config
      .command("versions")
      .description("configurations that were applied, newest first")
      .option("--limit <n>", "at most so many", (text) => parseWhole(text, 1, pageMax), 20)
      .option("--before <n>", "go on behind this version", (text) =>
        parseWhole(text, 1, Number.MAX_SAFE_INTEGER),
      ),
  ).action(listVersions);

  addControlOptions(
    config
      .command("show")
      .description("print the text of a version")
      .argument("<number>", "as `config versions` shows it"),
  ).action(async (number: string, options: Options) => {
    const version = await callControl<ConfigVersionJson>(findControlPlane(options), {
      path: `/v1/config/versions/${encodeURIComponent(number)}`,
    });
    if (options.json) printJson(version);
    else if (version.format === "files") print("From then on each process went by its own file.");
    else process.stdout.write(version.text);
  });

  addControlOptions(
    config
      .command("rollback")
      .description("apply an earlier version again, as a new one")
      .argument("<number>", "as `config versions` shows it")
      .option(...note),
  ).action((number: string, options: NoteOptions) =>
    apply(
      `/v1/config/versions/${encodeURIComponent(number)}/rollback`,
      { note: options.note ?? "" },
      options,
    ),
  );

  addControlOptions(
    config
      .command("release")
      .description("go back to files: each process goes by its own again")
      .option(...note),
  ).action((options: NoteOptions) =>
    apply("/v1/config/release", { note: options.note ?? "" }, options),
  );
}

async function apply(path: string, body: object, options: Options): Promise<void> {
  const plane = findControlPlane(options);
  const version = await callControl<ConfigVersionJson>(plane, { method: "POST", path, body });
  const progress = startProgress("waiting for the gateways");
  const late = await notTaken(plane, version.id).finally(() => progress.stop());
  process.exitCode = late.length === 0 ? 0 : 1;
  if (options.json) {
    printJson({ ...version, notTaken: late });
    return;
  }
  print(`Version ${version.number} is in force at the hub.`);
  for (const { name, why } of late) print(`! ${name} has not taken it: ${printable(why)}`);
  if (late.length === 0) print("Every connected gateway has taken it.");
}

interface Late {
  /** `seoul/0` */
  readonly name: string;
  readonly why: string;
}

/** Connected processes that do not run with it in the end. */
async function notTaken(plane: ControlPlane, id: string): Promise<Late[]> {
  const untilMs = performance.now() + takenMsMax;
  for (;;) {
    const { regions } = await callControl<RegionListJson>(plane, { path: "/v1/regions" });
    const others = regions.flatMap(({ name, processes }) =>
      processes
        .filter(({ connected, config }) => connected && config !== id)
        .map(({ process, configProblem }) => ({ name: `${name}/${process}`, configProblem })),
    );
    const isSettled = others.every(({ configProblem }) => configProblem !== "");
    if (isSettled || performance.now() >= untilMs) {
      return others.map(({ name, configProblem }) => {
        return { name, why: configProblem === "" ? "it has not answered yet" : configProblem };
      });
    }
    await sleep(takenLookMs);
  }
}

async function listVersions(
  options: Options & { readonly limit: number; readonly before?: number },
): Promise<void> {
  const { limit, before } = options;
  const list = await callControl<ConfigVersionListJson>(findControlPlane(options), {
    ...{ path: "/v1/config/versions", query: { limit, before } },
  });
  if (options.json) {
    printJson(list);
    return;
  }
  if (list.versions.length === 0) {
    print("None was ever applied: each process goes by its own file.");
    return;
  }
  const columns = ["version", "at", "actor", "size", "note"].map((title) => ({ title }));
  const rows = list.versions.map(({ number, at, actor, format, characters, note, inForce }) => [
    `${number}${inForce ? " *" : ""}`,
    shortInstant(at),
    actor,
    format === "files" ? "files" : grouped(characters),
    note,
  ]);
  for (const line of tableLines(columns, rows)) print(line);
  if (list.next !== null) print(`There are more: --before ${list.next}, or a higher --limit.`);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new TallygateError("config-unreadable", `${file} (${code})`, error);
  }
}
