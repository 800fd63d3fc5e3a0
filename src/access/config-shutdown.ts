/** How a gateway stops: for how long health says no before it does, and how long replies in progress may take. */

import { duration, group } from "./config-fields.ts";
import type { ProblemList } from "./config-problem.ts";
import type { ConfigInput } from "./config-schema.ts";
import { durationBetween } from "./config-settings.ts";

export interface ShutdownConfig {
  /** Milliseconds that a stopping gateway goes on as before while health says no. */
  readonly drainMs: number;
  /** Milliseconds after that for replies in progress; what is left is broken off. */
  readonly timeoutMs: number;
}

export const shutdown = group({
  drain: duration
    .optional()
    .describe(
      "Between the signal to stop and closing the port: health says no, calls are answered as before. Longer than what stands in front takes to notice, up to 10m. Not with `dev`. Default 0s.",
    ),
  timeout: duration
    .optional()
    .describe(
      "For replies in progress after that; what is left is broken off, up to 1h. Default 8s.",
    ),
});

export function compileShutdown(input: ConfigInput, problems: ProblemList): ShutdownConfig {
  const { drain, timeout } = input.shutdown ?? {};
  const bounds = { minMs: 0, maxMs: 600_000 };
  return {
    drainMs: durationBetween(
      { path: ["shutdown", "drain"], text: drain, otherwiseMs: 0, ...bounds },
      problems,
    ),
    timeoutMs: durationBetween(
      {
        ...{ path: ["shutdown", "timeout"], text: timeout, otherwiseMs: 8_000 },
        ...{ minMs: 0, maxMs: 3_600_000 },
      },
      problems,
    ),
  };
}
