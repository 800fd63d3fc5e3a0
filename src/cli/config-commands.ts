/** `init` and `check`: the configuration file. */

import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import { TallygateError } from "../base/errors.ts";
import { print, printJson } from "./output.ts";

export function addConfigCommands(program: Command): void {
  program
    .command("init")
    .description("write a commented tallygate.yaml")
    .argument("[file]", "where to", "tallygate.yaml")
    .option("--json", "print one JSON document")
    .action(init);
  program
    .command("check")
    .description("validate a configuration: file, line, path, what was expected")
    .argument("[file]", "default: tallygate.yaml, .yml, .json or .ts in this folder")
    .option("--json", "print one JSON document")
    .option("--schema", "print the JSON Schema of the configuration instead")
    .action(check);
}

async function init(file: string, options: { json?: boolean }): Promise<void> {
  const { defaultConfig } = await import("../access/default-config.ts");
  try {
    writeFileSync(file, defaultConfig, { flag: "wx" });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") {
      throw new TallygateError("file-exists", `${file} stays as it is`, error);
    }
    throw new TallygateError("file-unwritable", `${file} (${code})`, error);
  }
  if (options.json) {
    printJson({ file });
    return;
  }
  print(
    `Wrote ${file}. Put your server's address under upstreams, check it with \`tallygate check\`,`,
  );
  print("run it with `tallygate dev`.");
}

async function check(
  named: string | undefined,
  options: { json?: boolean; schema?: boolean },
): Promise<void> {
  if (options.schema) {
    const { configJsonSchema } = await import("../access/config-schema.ts");
    printJson(configJsonSchema());
    return;
  }
  const { checkConfig, findConfigFile } = await import("./load-config.ts");
  const file = findConfigFile(named);
  const result = await checkConfig(file);
  const problems = "problems" in result ? result.problems : [];
  process.exitCode = problems.length === 0 ? 0 : 1;
  if (options.json) {
    printJson({ file, ok: problems.length === 0, problems });
    return;
  }
  for (const problem of problems) print(problem.message);
  if ("config" in result) {
    const { regions, plans, routes } = result.config;
    print(
      `${file} is valid: ${countOf(regions, "region")}, ${countOf(plans, "plan")}, ${countOf(routes, "route")}.`,
    );
  }
}

function countOf(list: readonly unknown[], name: string): string {
  return `${list.length} ${name}${list.length === 1 ? "" : "s"}`;
}
