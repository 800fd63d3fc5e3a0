/** What a process writes down about itself and its calls. */

import * as z from "zod";
import { group, oneOf } from "./config-fields.ts";
import { resolveBeside } from "./config-paths.ts";
import type { ConfigInput } from "./config-schema.ts";

export interface LogConfig {
  /** The lowest that is written. */
  readonly level: "info" | "warn" | "error";
  /** Undefined: none. */
  readonly access: AccessLogConfig | undefined;
}

export interface AccessLogConfig {
  /** `stdout`, or the path of a file, absolute if the configuration's is. */
  readonly to: string;
  /** Share of the requests without an error that are written, 0 to 1. */
  readonly share: number;
}

const share = "a number from 0 to 1";

export const log = group({
  level: oneOf(["info", "warn", "error"])
    .optional()
    .describe("The lowest level that is written to standard error. Default info."),
  access: group({
    to: z
      .string({ error: "stdout or the path of a file" })
      .min(1, { error: "stdout or the path of a file" })
      .max(4_096, { error: "stdout or the path of a file" })
      .optional()
      .describe(
        "stdout, or a file, relative to this one; opened anew at SIGHUP. Processes may share it. Default stdout.",
      ),
    share: z
      .number({ error: share })
      .min(0, { error: share })
      .max(1, { error: share })
      .optional()
      .describe(
        "Of the requests that went well, and of 401 and 429, from 0 to 1; other errors are all written. Default 1.",
      ),
  })
    .optional()
    .describe("One JSON line per request. Default: none."),
});

export function compileLog(input: ConfigInput, options: { readonly file: string }): LogConfig {
  const { level = "info", access } = input.log ?? {};
  if (access === undefined) return { level, access };
  const { to = "stdout", share: kept = 1 } = access;
  return {
    level,
    access: { to: to === "stdout" ? to : resolveBeside(options.file, to), share: kept },
  };
}
