/** Who looks at the calls of a gateway: its access log, its traces, both or nobody. */

import type { LogConfig } from "../access/config-log.ts";
import { openAccessLog } from "../adapters/node/access-log.ts";
import { wantsTraces } from "../adapters/node/tracing-wanted.ts";
import { TallygateError } from "../base/errors.ts";
import type { CallObserver } from "../gateway/access-record.ts";
import type { Log } from "../ports/log.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { Cleanup } from "./cleanup.ts";

export interface CallObservers {
  /** Undefined: nobody looks, and nothing is noted. */
  readonly observer: CallObserver | undefined;
  /** SIGHUP: files are opened anew. */
  reopen(): void;
}

/** Fails with `file-unwritable`, or with `config-invalid` for traces that cannot be had. */
export async function observeCalls(
  of: {
    readonly config: LogConfig;
    readonly region: string;
    readonly process: number;
    readonly log: Log;
    readonly metrics: Metrics;
  },
  cleanup: Cleanup,
): Promise<CallObservers> {
  const { config, region, process: number, log, metrics } = of;
  const fields = { region, process: number };
  const access = config.access && openAccessLog({ ...config.access, fields, log, metrics });
  if (access !== undefined) cleanup.add(() => access.close());
  const tracing = await openTraces({ region, process: number, log });
  if (tracing !== undefined) cleanup.add(() => tracing.close());
  const observers = [access, tracing].filter((one) => one !== undefined);
  return {
    observer: observers.length < 2 ? observers[0] : together(observers),
    reopen: () => access?.reopen(),
  };
}

/** The adapter of traces is loaded with its packages, where somebody wants them. */
async function openTraces(of: {
  readonly region: string;
  readonly process: number;
  readonly log: Log;
}) {
  const environment = process.env;
  if (!wantsTraces(environment)) return undefined;
  const { openTracing } = await import("../adapters/node/tracing.ts").catch((cause: unknown) => {
    const detail = "OTEL_* asks for traces, and the packages @opentelemetry/* cannot be loaded";
    throw new TallygateError("config-invalid", detail, cause);
  });
  return openTracing({ ...of, environment });
}

function together(observers: readonly CallObserver[]): CallObserver {
  return {
    began(record, exchange) {
      for (const observer of observers) observer.began(record, exchange);
    },
    ended(record) {
      for (const observer of observers) observer.ended(record);
    },
  };
}
