/** What the demos' command lines have in common: how they end when something is wrong. */

import { type Command, CommanderError } from "commander";
import { TallygateError } from "../src/base/errors.ts";

/** Exit code 2: wrong usage; 1: another failure, told without a stack. */
export async function runDemo(program: Command): Promise<void> {
  program.showHelpAfterError("(-- --help tells the options)").exitOverride();
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2;
    } else if (error instanceof TallygateError) {
      process.stderr.write(`demo: ${error.message}\n`);
      process.exitCode = error.code === "usage-wrong" ? 2 : 1;
    } else throw error;
  }
}
