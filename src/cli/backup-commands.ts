/** `backup`, `restore`, `replay`: copies of the hub's data, and what is made of them. */

import { createWriteStream, existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
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
import { dataFolder, dataFolderDefault } from "./data-folder.ts";
import { grouped, print, printJson, shortBytes } from "./output.ts";
import { countBytes, startProgress } from "./progress.ts";

/** Making and sending a backup of hundreds of gigabytes. */
const backupMsMax = 6 * 3_600_000;

export function addBackupCommands(program: Command): void {
  addControlOptions(
    program
      .command("backup")
      .description("a consistent copy of the hub's data while it runs")
      .argument("<file>", "a new file"),
  ).action(backup);

  program
    .command("restore")
    .description("a hub's data from a backup; what was there is moved aside; starts a higher epoch")
    .argument("<file>", "what `backup` wrote")
    .option("--data <dir>", "data folder", dataFolderDefault)
    .option("--json", "print one JSON document")
    .action(restoreFile);

  program
    .command("replay")
    .description(
      "rebuild the ledger from the last sealed checkpoint and the stream, into a new file",
    )
    .option("--data <dir>", "data folder of a hub that does not run", dataFolderDefault)
    .option("--out <file>", "the new file; default: <data>/hub/ledger-replayed.db")
    .option("--json", "print one JSON document")
    .action(replay);
}

async function restoreFile(file: string, options: { data: string; json?: boolean }): Promise<void> {
  const { restore } = await import("./restore.ts");
  const progress = startProgress("restoring");
  const { position, replaced } = await restore(file, dataFolder(options.data), Date.now()).finally(
    () => progress.stop(),
  );
  if (options.json) {
    printJson({ data: options.data, position, replaced: replaced ?? null });
    return;
  }
  print(`Restored into ${options.data}, up to position ${position} of the stream.`);
  if (replaced !== undefined) print(`What was there before is in ${replaced}.`);
  print("What came later the gateways send again, as far as they still have it. A backup holds no");
  print(
    "tokens: copy admin-token and join-token from the old data folder, or give out the new ones.",
  );
}

async function replay(options: { data: string; out?: string; json?: boolean }): Promise<void> {
  const { rebuildLedger } = await import("./rebuild-ledger.ts");
  const data = dataFolder(options.data);
  const progress = startProgress("replaying");
  const file = options.out ?? join(data.hub, "ledger-replayed.db");
  const rebuilt = await rebuildLedger(data, file).finally(() => progress.stop());
  // Damaged records are left out: the ledger is what it can be, and not all that it should be.
  process.exitCode = rebuilt.problems.length === 0 ? 0 : 1;
  if (options.json) {
    printJson(rebuilt);
    return;
  }
  const from = rebuilt.sealed === "" ? "the beginning" : rebuilt.sealed;
  print(
    `Wrote ${file}: ${grouped(rebuilt.counters)} counters from ${from} and ${grouped(rebuilt.records)} records, up to position ${rebuilt.position}.`,
  );
  for (const problem of rebuilt.problems) print(`! ${problem}`);
  print(`To use it, move ${join(data.hub, "ledger.db")} away and give this file its name.`);
}

async function backup(file: string, options: ControlOptions & { json?: boolean }): Promise<void> {
  const plane = findControlPlane(options);
  if (existsSync(file)) {
    throw new TallygateError("file-exists", `${file} stays as it is`);
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
    const expected = Number(response.headers.get("content-length"));
    const target = createWriteStream(partial, { flags: "wx", mode: 0o600, flush: true });
    const source = Readable.fromWeb(response.body ?? new ReadableStream());
    const seen = countBytes((so) => {
      progress.tell(`${shortBytes(so)} of ${shortBytes(expected)}`);
    });
    await pipeline(source, seen, target);
    bytes = target.bytesWritten;
    position = Number(response.headers.get("x-tallygate-position"));
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
    throw new TallygateError("file-unwritable", `${file} (${code})`, error);
  } finally {
    progress.stop();
  }
  if (options.json) printJson({ file, bytes, position });
  else print(`Wrote ${file}: ${shortBytes(bytes)}, up to position ${position} of the stream.`);
}
