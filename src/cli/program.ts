/**
 * All commands and their options. What a command does is imported when it runs: `--help` and short
 * commands must not wait for the parts of the gateway to load.
 */

import { readFileSync } from "node:fs";
import { Command } from "commander";
import { addBackupCommands } from "./backup-commands.ts";
import { addClusterCommands } from "./cluster-commands.ts";
import { addConfigCommands } from "./config-commands.ts";
import { addConfigVersionCommands } from "./config-version-commands.ts";
import { addDevCommand } from "./dev-command.ts";
import { addKeyCommands } from "./key-commands.ts";
import { addProcessCommands } from "./process-commands.ts";
import { addReportCommands } from "./report-commands.ts";
import { addAuditCommands, addTokenCommands } from "./token-commands.ts";
import { addUsageCommand } from "./usage-command.ts";

export function createProgram(): Command {
  const program = new Command("tallygate")
    .description("API gateway with one exact usage count across regions.")
    .version(packageVersion())
    .showHelpAfterError("(--help tells the options)")
    .helpCommand(false)
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error:/, "tallygate:")),
    })
    .exitOverride();
  addConfigCommands(program);
  addDevCommand(program);
  addProcessCommands(program);
  addConfigVersionCommands(program);
  addKeyCommands(program);
  addTokenCommands(program);
  addAuditCommands(program);
  addUsageCommand(program);
  addClusterCommands(program);
  addReportCommands(program);
  addBackupCommands(program);
  return program;
}

/** Two folders up both in the checkout (src/cli) and in the package (dist/cli). */
function packageVersion(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
