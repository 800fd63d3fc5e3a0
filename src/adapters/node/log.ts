/** The log port on pino: one JSON line per event. */

import { type DestinationStream, destination, type Level, pino, stdSerializers } from "pino";
import type { Log, LogFields } from "../../ports/log.ts";

/** Bytes of lines that wait for a slow reader of the log; what comes beyond is dropped, so that a full pipe stops nothing. */
export const logBufferMaxBytes = 1024 * 1024;

export interface NodeLogOptions {
  /** Lowest level written; default "info". */
  readonly level?: Level | "silent";
  /** Fields on every line: component, region, process. */
  readonly fields?: LogFields;
  /** Where lines go; default: standard error, written in the background and flushed when the process exits. */
  readonly to?: DestinationStream;
}

export function nodeLog(options: NodeLogOptions = {}): Log {
  const stream =
    options.to ?? destination({ fd: 2, sync: false, minLength: 0, maxLength: logBufferMaxBytes });
  const logger = pino(
    {
      level: options.level ?? "info",
      base: { ...options.fields },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: "message",
    },
    stream,
  );
  return {
    info: (message, fields) => logger.info({ ...fields }, message),
    warn: (message, fields) => logger.warn({ ...fields }, message),
    error(message, fields, cause) {
      const error = cause instanceof Error ? stdSerializers.errWithCause(cause) : cause;
      logger.error(error === undefined ? { ...fields } : { ...fields, error }, message);
    },
  };
}
