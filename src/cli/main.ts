#!/usr/bin/env node
/** The command line: `tallygate <command>`. Exit: 0 done, 1 failed or not true, 2 wrong usage. */

import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";
import { CommanderError } from "commander";
import { TallygateError } from "../base/errors.ts";
import { createProgram } from "./program.ts";

// Halves the time in which processes start. Beside the installed code: whoever may write there may as
// well change the code, which is not so of a folder for temporary files.
const compileCache = fileURLToPath(new URL("../../node_modules/.cache/compile", import.meta.url));
enableCompileCache(compileCache);
// What is enabled by a call is so for this thread alone; the others look here.
process.env["NODE_COMPILE_CACHE"] ??= compileCache;

/** A reader that has seen enough (`tallygate usage | head`) is no failure. */
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  throw error;
});

/** Threads that store and sockets that wait keep no process alive; a command that is not done does. */
const untilDone = setInterval(() => {}, 2 ** 30);

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
    // A bug. Not marked as ours, so that `dev` shows all of it.
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  }
} finally {
  clearInterval(untilDone);
}
