/** `backup`, `restore`, `replay`: copies of the hub's data, and what is made of them. */

import { createWriteStream, existsSync, renameSync, rmSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import { TallygateError } from "../base/errors.ts";
import {
  addControlOptions,
  type ControlOptions,
  findControlPlane,
  sendControl,
} from "./control-client.ts";
import { print, printJson, shortBytes } from "./output.ts";
import { startProgress } from "./progress.ts";

/** Making and sending a backup of hundreds of gigabytes. */
const backupMsMax = 6 * 3_600_000;

export function addBackupCommands(program: Command): void {
  addControlOptions(
    program
      .command("backup")
      .description("a consistent copy of the hub's data while it runs")
      .argument("<file>", "a new file"),
  ).action(backup);
}

async function backup(file: string, options: ControlOptions & { json?: boolean }): Promise<void> {
  const plane = findControlPlane(options);
  if (existsSync(file)) {
    throw new TallygateError("data-unwritable", `${file} is there already and stays as it is`);
  }
  const partial = `${file}.${process.pid}.part`;
  const progress = startProgress("backing up");
  let bytes = 0;
  let position = 0;
  try {
    const response = await sendControl(plane, {
      method: "POST",
      path: "/v1/backup",
      timeoutMs: backupMsMax,
    });
    const target = createWriteStream(partial, { flags: "wx", mode: 0o600, flush: true });
    await pipeline(Readable.fromWeb(response.body ?? new ReadableStream()), target);
    bytes = target.bytesWritten;
    position = Number(response.headers.get("x-tallygate-position"));
    const expected = Number(response.headers.get("content-length"));
    if (bytes !== expected) {
      throw new TallygateError(
        "hub-unreachable",
        `the backup ended after ${bytes} of ${expected} bytes`,
      );
    }
    renameSync(partial, file);
  } catch (error) {
    rmSync(partial, { force: true });
    if (error instanceof TallygateError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? "the connection broke";
    throw new TallygateError("data-unwritable", `${file} could not be written (${code})`, error);
  } finally {
    progress.stop();
  }
  if (options.json) printJson({ file, bytes, position });
  else print(`Wrote ${file}: ${shortBytes(bytes)}, up to position ${position} of the stream.`);
}
