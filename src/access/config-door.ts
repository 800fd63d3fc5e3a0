/**
 * `listener`: what a gateway's public listener takes from one client, and for how long. The defaults are for the open
 * internet, so that a configuration without the group is safe.
 */

import { present } from "../base/assert.ts";
import type { ListenerConfig } from "./compiled-config.ts";
import { duration, group, size, wholeNumber } from "./config-fields.ts";
import type { ConfigPath, ProblemList } from "./config-problem.ts";
import { durationBetween } from "./config-settings.ts";
import { parseSize } from "./config-values.ts";

const hourMs = 3_600_000;

export const listenerDefaults: ListenerConfig = {
  // A head is one packet or a few; what takes longer than this holds a connection on purpose.
  headTimeoutMs: 10_000,
  bodyTimeoutMs: 20_000,
  // A train may be in a tunnel for this long.
  replyTimeoutMs: 60_000,
  // As Apache's RequestReadTimeout: a modem is ten times faster, slowhttptest some fifty times slower.
  rateMinBytes: 500,
  requestTimeoutMs: 300_000,
  // Above what balancers in front use (60 s), so that it is they who close.
  idleTimeoutMs: 75_000,
  headMaxBytes: 16 * 1_024,
  fieldsMax: 100,
  targetMaxBytes: 8 * 1_024,
  bodyMaxBytes: 16 * 2 ** 20,
  bodyOfAnyRouteMaxBytes: 16 * 2 ** 20,
  connectionsMax: 20_000,
  // A twentieth: twenty addresses together can take all.
  connectionsPerAddressMax: 1_000,
  requestsPerConnectionMax: 1_000,
};

export const listenerSchema = group({
  headTimeout: duration
    .optional()
    .describe(
      "For the head of a request, and for the first on a connection, 100ms to 1h; then 408. Default 10s.",
    ),
  bodyTimeout: duration
    .optional()
    .describe(
      "That a client may keep the gateway waiting for a body, 100ms to 1h, and longer by what its bytes take at `rateMin`; then 408. Default 20s.",
    ),
  replyTimeout: duration
    .optional()
    .describe(
      "That a client may keep a reply waiting, 100ms to 1h, and longer by what its bytes take at `rateMin`; then it is cut off. Default 60s.",
    ),
  rateMin: wholeNumber(0, 1_000_000_000)
    .optional()
    .describe(
      "Bytes per second below which those two run out; 0: no body or reply has longer. Default 500.",
    ),
  requestTimeout: duration
    .optional()
    .describe("For a whole request with its body, 100ms to 24h; then 408. Default 5m."),
  idleTimeout: duration
    .optional()
    .describe(
      "Between requests of a connection, 1s to 1h; longer than that of a balancer in front. Default 75s.",
    ),
  headMax: size
    .optional()
    .describe("Of the head of a request, 1KiB to 1MiB; more is 431. Default 16KiB."),
  fieldsMax: wholeNumber(1, 1_000)
    .optional()
    .describe("Header fields of a request; more is 431. Default 100."),
  targetMax: size
    .optional()
    .describe("Of path and query, 64B to 64KiB, within `headMax`; more is 414. Default 8KiB."),
  bodyMax: size
    .optional()
    .describe("Of a body, up to 1TiB; more is 413. A handler reads 16MiB at most. Default 16MiB."),
  connectionsMax: wholeNumber(1, 1_000_000)
    .optional()
    .describe("Of one process; more are closed at once. Default 20000."),
  connectionsPerAddressMax: wholeNumber(1, 1_000_000)
    .optional()
    .describe(
      "Of one process and one client, as `clients` groups addresses; more are closed at once. Trusted proxies have no such limit. Default 1000.",
    ),
  requestsPerConnectionMax: wholeNumber(1, 1_000_000_000)
    .optional()
    .describe("The reply to the last one closes the connection. Default 1000."),
});

type ListenerInput = NonNullable<ReturnType<typeof listenerSchema.parse>>;
type DurationField =
  | "headTimeout"
  | "bodyTimeout"
  | "replyTimeout"
  | "requestTimeout"
  | "idleTimeout";
type SizeField = "headMax" | "targetMax" | "bodyMax";

export function compileListener(
  written: ListenerInput | undefined,
  problems: ProblemList,
): ListenerConfig {
  if (written === undefined) return listenerDefaults;
  const of = listenerDefaults;
  const time = (
    field: DurationField,
    otherwiseMs: number,
    bounds = { minMs: 100, maxMs: hourMs },
  ) => {
    const path: ConfigPath = ["listener", field];
    return durationBetween({ path, text: written[field], otherwiseMs, ...bounds }, problems);
  };
  const bytes = (
    field: SizeField,
    otherwise: number,
    bounds: { readonly min: number; readonly max: number; readonly expected: string },
  ): number => {
    const text = written[field];
    if (text === undefined) return otherwise;
    const value = present(parseSize(text), "a checked size");
    if (value < bounds.min || value > bounds.max) {
      problems.add(["listener", field], bounds.expected, { value: text });
    }
    return value;
  };
  const headMaxBytes = bytes("headMax", of.headMaxBytes, {
    ...{ min: 1_024, max: 2 ** 20, expected: "1KiB to 1MiB" },
  });
  const bodyMaxBytes = bytes("bodyMax", of.bodyMaxBytes, {
    ...{ min: 0, max: 2 ** 40, expected: "up to 1TiB" },
  });
  return {
    headTimeoutMs: time("headTimeout", of.headTimeoutMs),
    bodyTimeoutMs: time("bodyTimeout", of.bodyTimeoutMs),
    replyTimeoutMs: time("replyTimeout", of.replyTimeoutMs),
    rateMinBytes: written.rateMin ?? of.rateMinBytes,
    requestTimeoutMs: time("requestTimeout", of.requestTimeoutMs, {
      ...{ minMs: 100, maxMs: 24 * hourMs },
    }),
    idleTimeoutMs: time("idleTimeout", of.idleTimeoutMs, { minMs: 1_000, maxMs: hourMs }),
    headMaxBytes,
    fieldsMax: written.fieldsMax ?? of.fieldsMax,
    targetMaxBytes: bytes("targetMax", Math.min(of.targetMaxBytes, headMaxBytes), {
      ...{ min: 64, max: Math.min(65_536, headMaxBytes), expected: "64B to 64KiB, and to headMax" },
    }),
    bodyMaxBytes,
    bodyOfAnyRouteMaxBytes: bodyMaxBytes,
    connectionsMax: written.connectionsMax ?? of.connectionsMax,
    connectionsPerAddressMax: written.connectionsPerAddressMax ?? of.connectionsPerAddressMax,
    requestsPerConnectionMax: written.requestsPerConnectionMax ?? of.requestsPerConnectionMax,
  };
}
