/**
 * The access log: one JSON line per request, to standard output or a file, in the background. What a slow disk or a full pipe does
 * not take is dropped and counted; no call waits for it.
 */

import { closeSync, openSync } from "node:fs";
import { destination } from "pino";
import { TallygateError } from "../../base/errors.ts";
import type { AccessRecord, CallObserver } from "../../gateway/access-record.ts";
import type { Log } from "../../ports/log.ts";
import type { CounterChild, Metrics } from "../../ports/metrics.ts";

/** Bytes of lines that wait to be written, at most: some 20,000 lines. */
export const accessLogBufferMaxBytes = 8 * 1024 * 1024;

/** Lines are written together once they are this long, and at the latest after `flushMs`. */
const writtenTogetherBytes = 8 * 1024;
const flushMs = 500;

/** A close waits this long for what is buffered. */
const closeMsMax = 1_000;

export interface AccessLogOptions {
  /** `stdout`, or a file's path; it is appended to. */
  readonly to: string;
  /** Of the requests that went well, 0 to 1. */
  readonly share: number;
  /** On every line. */
  readonly fields: Readonly<Record<string, string | number>>;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Default `accessLogBufferMaxBytes`. */
  readonly bufferMaxBytes?: number;
}

export interface AccessLog extends CallObserver {
  /** The file was renamed (logrotate): from now on lines go to a new one of its name. */
  reopen(): void;
  close(): Promise<void>;
}

/** Fails with `file-unwritable`. */
export function openAccessLog(options: AccessLogOptions): AccessLog {
  const { to, share, fields, log, metrics } = options;
  const isFile = to !== "stdout";
  if (isFile) refuseUnwritable(to);
  const stream = destination({
    dest: isFile ? to : 1,
    sync: false,
    minLength: writtenTogetherBytes,
    maxLength: options.bufferMaxBytes ?? accessLogBufferMaxBytes,
    periodicFlush: flushMs,
  });
  const dropped = droppedLines(metrics);
  stream.on("drop", () => dropped.add(1));
  let isClosed = false;
  // Told to end while it waits for a write to reopen after, the stream would do neither, and lose what is buffered.
  let isReopening = false;
  let waitsToEnd = false;
  const reopened = (): void => {
    isReopening = false;
    if (!waitsToEnd) return;
    waitsToEnd = false;
    // After the stream's own listeners.
    process.nextTick(() => stream.end());
  };
  stream.on("ready", reopened);
  stream.on("error", (cause: unknown) => {
    log.error("the access log cannot be written", {}, cause);
    reopened();
  });
  const sampled = sampler(share);
  return {
    began() {},
    ended(record) {
      if (!isClosed && (isKept(record) || sampled())) stream.write(lineOf(record, fields));
    },
    reopen() {
      if (!isFile || isClosed) return;
      isReopening = true;
      stream.reopen();
    },
    close() {
      isClosed = true;
      return new Promise((resolve) => {
        const bound = setTimeout(resolve, closeMsMax);
        stream.once("close", () => {
          clearTimeout(bound);
          resolve();
        });
        if (isReopening) waitsToEnd = true;
        else stream.end();
      });
    },
  };
}

export function droppedLines(metrics: Metrics): CounterChild {
  return metrics
    .counter({
      name: "tallygate_access_log_dropped_lines_total",
      help: "Lines that the access log's file or pipe did not take in time.",
    })
    .child();
}

function refuseUnwritable(file: string): void {
  try {
    closeSync(openSync(file, "a", 0o640));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new TallygateError("file-unwritable", `${file}, the access log (${code})`, cause);
  }
}

/** Errors are kept, but for those that a flood consists of: wrong keys and calls over their limit. */
function isKept({ status }: AccessRecord): boolean {
  if (status === 401 || status === 429) return false;
  return status === 0 || status >= 400;
}

/** True for a share of its calls, evenly spread. */
function sampler(share: number): () => boolean {
  let credit = 0;
  return () => {
    credit += share;
    // What was added up is not exact.
    if (credit < 1 - 1e-9) return false;
    credit -= 1;
    return true;
  };
}

function lineOf(record: AccessRecord, fields: AccessLogOptions["fields"]): string {
  const { startedMs, endedMs, requestId, method, path, status, outcome, route, plan } = record;
  const { key, address, bytes, elsewhereMs } = record;
  const durationMs = endedMs - startedMs;
  const line = {
    time: new Date(Date.now() - durationMs).toISOString(),
    ...fields,
    ...{ requestId, method, path, status, outcome, route, plan, key, address, bytes },
    durationMs: rounded(durationMs),
    elsewhereMs: rounded(elsewhereMs),
  };
  return `${JSON.stringify(line)}\n`;
}

/** To a microsecond. */
function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
