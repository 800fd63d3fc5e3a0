/** `replay`: a ledger from the last sealed checkpoint and the usage stream, into a new file, offline. */

import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { nodeTimers } from "../adapters/node/clock.ts";
import { openLedgerStore } from "../adapters/sqlite/ledger-store.ts";
import { lockFolder } from "../adapters/sqlite/lock.ts";
import { openUsageStream } from "../adapters/sqlite/usage-stream.ts";
import { TallygateError } from "../base/errors.ts";
import { type ReplayReport, replay } from "../hub/replay.ts";
import type { LedgerStore } from "../ports/ledger-store.ts";
import type { DataFolder } from "./data-folder.ts";

export interface RebuiltLedger extends ReplayReport {
  readonly file: string;
  /** Name of the sealed checkpoint that it began from; "" for none. */
  readonly sealed: string;
}

/** Fails with `data-in-use` while a hub runs on the folder; nothing that is there is changed. */
export async function rebuildLedger(data: DataFolder, file: string): Promise<RebuiltLedger> {
  const streamFile = join(data.hub, "stream.db");
  if (!existsSync(streamFile)) {
    throw new TallygateError("not-found", `There is no usage stream in ${data.hub}.`);
  }
  if (existsSync(file)) {
    throw new TallygateError("data-unwritable", `${file} is there already and stays as it is.`);
  }
  const lock = lockFolder(data.hub);
  const partial = `${file}.${process.pid}.part`;
  try {
    const present = await openReadable(join(data.hub, "ledger.db"));
    const sealed = await copyNewestSealed(data, partial);
    if (present === undefined && sealed === "") {
      throw new TallygateError(
        "data-damaged",
        `Neither the ledger nor a sealed checkpoint in ${data.hub} can be read: restore a backup.`,
      );
    }
    const report = await replayInto(partial, streamFile, present);
    renameSync(partial, file);
    return { file, sealed, ...report };
  } finally {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${partial}${suffix}`, { force: true });
    lock.release();
  }
}

async function replayInto(
  file: string,
  streamFile: string,
  present: LedgerStore | undefined,
): Promise<ReplayReport> {
  const target = await openLedgerStore(file);
  try {
    const stream = await openUsageStream({ file: streamFile });
    try {
      return await replay({ stream, timers: nodeTimers }, target, present);
    } finally {
      await stream.close();
    }
  } finally {
    await present?.close();
    await target.close();
  }
}

/** Undefined where the ledger is missing or damaged: what it says beside the totals is then the seal's. */
async function openReadable(file: string): Promise<LedgerStore | undefined> {
  if (!existsSync(file)) return undefined;
  try {
    return await openLedgerStore(file);
  } catch (error) {
    if (error instanceof TallygateError && error.code === "data-damaged") return undefined;
    throw error;
  }
}

/** Copies the newest sealed checkpoint that can be read; "" if there is none. */
async function copyNewestSealed(data: DataFolder, to: string): Promise<string> {
  const position = (name: string): number => Number(/^sealed-(\d+)\.db$/.exec(name)?.[1] ?? -1);
  const names = readdirSync(data.hub).filter((name) => position(name) >= 0);
  for (const name of names.sort((a, b) => position(b) - position(a))) {
    const sealed = await openReadable(join(data.hub, name));
    if (sealed === undefined) continue;
    try {
      await sealed.copyTo(to);
      return basename(name);
    } finally {
      await sealed.close();
    }
  }
  return "";
}
