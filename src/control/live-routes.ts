/** `/v1/live`: this moment and the minutes before it, once or as a stream; `/v1/near-limits`: who is near a limit. */

import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { callOutcomes } from "../ports/link.ts";
import { bearerSecurity, type ControlApp, type ControlContext } from "./control-context.ts";
import {
  type LiveJson,
  type LiveMomentJson,
  liveSchema,
  nearLimitsSchema,
} from "./live-schemas.ts";
import { type LiveSample, liveEveryMs, rateKinds } from "./live-watch.ts";
import { type AnyAnswer, type ControlEnv, commonResponses, problem } from "./problem.ts";
import { jsonContent, noQuery } from "./request-parts.ts";
import { statusJson } from "./status-view.ts";

/** Pages that listen at one time. */
export const liveListenersMax = 64;
/** A region that goes or comes is told at once, and not with the next second. */
const lookEveryMs = 250;
/** Then the page connects again: nobody listens on for ever with a session that was good once. */
const liveMsMax = 3_600_000;

const liveRoute = createRoute({
  method: "get",
  path: "/v1/live",
  operationId: "live",
  summary: "Calls a second by region and outcome, with the last ten minutes, and the status.",
  description:
    "With `Accept: text/event-stream` a stream: first an event `begin` with this answer, then every second, and whenever a region goes or comes, an event `moment` with the same but `history` and `everyMs`.",
  security: bearerSecurity,
  request: { query: noQuery },
  responses: {
    200: {
      description: "As of now, or the stream.",
      content: {
        "application/json": { schema: liveSchema },
        "text/event-stream": { schema: { type: "string" as const } },
      },
    },
    ...commonResponses,
  },
});

const nearLimitsRoute = createRoute({
  method: "get",
  path: "/v1/near-limits",
  operationId: "nearLimits",
  summary: "Counters that have used four fifths of a quota or more, in windows that run.",
  description:
    "Found by walks over all counters that go on for a minute after somebody asked; the first answer may come before the first walk.",
  security: bearerSecurity,
  request: { query: noQuery },
  responses: { 200: jsonContent(nearLimitsSchema, "Of the newest walk."), ...commonResponses },
});

export function addLiveRoutes(app: ControlApp, context: ControlContext): void {
  const { hub, live, timers, clock } = context;
  let listeners = 0;
  /** One for all listeners. */
  let newest: Moment | undefined;

  app.openapi(liveRoute, (c) => {
    if (/\btext\/event-stream\b/i.test(c.req.header("accept") ?? "")) return listen(c);
    return c.json(whole(), 200);
  });

  app.openapi(nearLimitsRoute, (c) => {
    const { counters, more, atMs, share } = hub.nearLimits();
    const at = atMs === 0 ? null : new Date(atMs).toISOString();
    const listed = counters.map((counter) => ({ ...counter }));
    return c.json({ at, share, counters: listed, more }, 200);
  });

  function moment(): LiveMomentJson {
    const status = statusJson(context.config(), hub.status());
    const sample = live.samples.at(-1);
    const rates = Object.fromEntries(
      [...(sample?.regions ?? [])].map(([name, values]) => [name, named(values)]),
    );
    const outcomes: Record<string, number> = {};
    for (const [i, name] of callOutcomes.entries()) {
      const count = live.samples.reduce((sum, one) => sum + (one.outcomes[i] ?? 0), 0);
      if (count > 0) outcomes[name] = count;
    }
    return { at: new Date(sample?.atMs ?? status.time).toISOString(), rates, outcomes, status };
  }

  function whole(): LiveJson {
    const names = new Set(live.samples.flatMap(({ regions }) => [...regions.keys()]));
    const seriesOf = (name: string, kind: number): number[] =>
      live.samples.map(({ regions }) => regions.get(name)?.[kind] ?? 0);
    const regions = Object.fromEntries(
      [...names].map((name) => {
        const [answered = [], limited = [], refused = [], failed = []] = rateKinds.map((_, kind) =>
          seriesOf(name, kind),
        );
        return [name, { answered, limited, refused, failed }];
      }),
    );
    const times = live.samples.map(({ atMs }) => atMs);
    return { ...moment(), everyMs: liveEveryMs, history: { times, regions } };
  }

  function newestMoment(): Moment {
    const sample = live.samples.at(-1);
    const nowMs = clock.monotonicMs();
    if (newest !== undefined && newest.of === sample && nowMs - newest.madeMs < lookEveryMs) {
      return newest;
    }
    const now = moment();
    const health = now.status.regions.map((region) => region.health).join(" ");
    const text = `event: moment\ndata: ${JSON.stringify(now)}\n\n`;
    newest = { of: sample, madeMs: nowMs, sign: `${sample?.atMs} ${health}`, text };
    return newest;
  }

  function listen(c: Context<ControlEnv>): AnyAnswer {
    if (listeners >= liveListenersMax) {
      const detail = `${liveListenersMax} pages listen already.`;
      return problem(c, { status: 503, detail, code: "too-busy", headers: { "Retry-After": "5" } });
    }
    const headers = { "Content-Type": "text/event-stream" };
    if (c.req.raw.method === "HEAD") return c.body(null, 200, headers) as Response as AnyAnswer;
    listeners++;
    const body = momentStream({
      begin: () => `retry: 1000\nevent: begin\ndata: ${JSON.stringify(whole())}\n\n`,
      next: newestMoment,
      isAllowed: c.var.isStillAllowed,
      timers,
      onEnd: () => {
        listeners--;
      },
    });
    return c.body(body, 200, headers) as Response as AnyAnswer;
  }
}

function named(values: readonly number[]) {
  const [answered = 0, limited = 0, refused = 0, failed = 0] = values;
  return { answered, limited, refused, failed };
}

interface Moment {
  readonly of: LiveSample | undefined;
  readonly madeMs: number;
  /** Another one: it is worth telling. */
  readonly sign: string;
  readonly text: string;
}

interface MomentStream {
  readonly begin: () => string;
  readonly next: () => Moment;
  /** False once the token is revoked or the session over. */
  readonly isAllowed: () => boolean;
  readonly timers: ControlContext["timers"];
  /** Called once, however it ends. */
  readonly onEnd: () => void;
}

function momentStream(options: MomentStream): ReadableStream<Uint8Array> {
  const { begin, next, isAllowed, timers } = options;
  const encoder = new TextEncoder();
  let end = (): void => {};
  let told = "";
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const guarded = (work: () => void) => (): void => {
        try {
          work();
        } catch (error) {
          end();
          controller.error(error);
        }
      };
      const finish = (): void => {
        end();
        controller.close();
      };
      const every = timers.every(
        lookEveryMs,
        guarded(() => {
          if (!isAllowed()) return finish();
          // A page that does not read misses moments; each stands alone.
          if ((controller.desiredSize ?? 0) <= 0) return;
          const { sign, text } = next();
          if (sign !== told) controller.enqueue(encoder.encode(text));
          told = sign;
        }),
      );
      const bound = timers.after(liveMsMax, () => finish());
      end = () => {
        every.cancel();
        bound.cancel();
        end = () => {};
        options.onEnd();
      };
      guarded(() => controller.enqueue(encoder.encode(begin())))();
    },
    cancel: () => end(),
  });
}
