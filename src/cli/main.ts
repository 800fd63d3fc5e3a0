#!/usr/bin/env node
/** The command line: `tallygate <command>`. Exit: 0 done, 1 failed or not true, 2 wrong usage. */

import { CommanderError } from "commander";
import { TallygateError } from "../base/errors.ts";
import { createProgram } from "./program.ts";

/** A reader that has seen enough (`tallygate usage | head`) is no failure. */
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  throw error;
});

try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has written what is to be said. Help and version come here too, with 0.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else if (error instanceof TallygateError) {
    process.stderr.write(`tallygate: ${error.message}\n`);
    process.exitCode = error.code === "usage-wrong" ? 2 : 1;
  } else {
    process.stderr.write(`tallygate: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  }
}
