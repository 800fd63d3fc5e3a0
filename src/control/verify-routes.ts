/** `/v1/verify` and `/v1/backup`: work that may take minutes, on a connection kept open. */

import { createRoute } from "@hono/zod-openapi";
import type { VerifyReport } from "../hub/hub-api.ts";
import type { Timers } from "../ports/clock.ts";
import { bearerSecurity, type ControlApp, type ControlContext } from "./control-context.ts";
import { type AnyAnswer, changeResponses, failureParts } from "./problem.ts";
import { auditOf, noBody, noQuery } from "./request-parts.ts";
import { type VerifyJson, verifySchema } from "./status-schemas.ts";

/**
 * While it works, the answer to `verify` gets a space this often (JSON allows them in front): half
 * of the 30 s after which the more impatient proxies close a silent connection.
 */
const keepOpenEveryMs = 15_000;

/** Longest verification; a billion rows take a fraction of it. */
export const verifyMsMax = 3_600_000;

const verifyRoute = createRoute({
  method: "post",
  path: "/v1/verify",
  operationId: "verify",
  summary: "Recompute every total from the sealed checkpoint and the stream, and compare.",
  description:
    "The connection stays open until the report is there, kept alive by leading spaces. What fails " +
    "after 15 s, when the status has been sent, is a report with `ok: false` and a problem.",
  security: bearerSecurity,
  middleware: noBody,
  request: { query: noQuery },
  responses: {
    200: {
      description: "The report; `ok` says whether all agree.",
      content: { "application/json": { schema: verifySchema } },
    },
    ...changeResponses,
  },
});

const backupRoute = createRoute({
  method: "post",
  path: "/v1/backup",
  operationId: "backup",
  summary: "A consistent copy of the hub's data. It holds no secret of a key, and no token.",
  security: bearerSecurity,
  middleware: noBody,
  request: { query: noQuery },
  responses: {
    200: {
      description: "The backup file.",
      content: {
        "application/octet-stream": { schema: { type: "string" as const, format: "binary" } },
      },
    },
    ...changeResponses,
  },
});

export function addVerifyRoutes(app: ControlApp, context: ControlContext): void {
  const { hub, timers, log, audit, clock } = context;

  app.openapi(verifyRoute, async (c) => {
    const running = hub.verify();
    const early = await firstOf(running, keepOpenEveryMs, timers);
    if (early !== undefined) return c.json(verifyJson(early), 200);
    // Past this point a failure is a report: the status is sent.
    const report = running.then(verifyJson, (error: unknown) => {
      log.error("verify failed", { request: c.var.requestId }, error);
      return failedReport(failureParts(error)?.detail ?? "verify failed; the log says why");
    });
    const headers = { "Content-Type": "application/json" };
    return c.body(spacesThen(report, timers), 200, headers) as Response as AnyAnswer;
  });

  app.openapi(backupRoute, async (c) => {
    await audit.append({ ...auditOf(c, { clock, action: "backup", change: {} }), target: "" });
    const backup = await context.openBackup();
    log.info("backup sent", { bytes: backup.bytes, position: backup.position });
    return c.body(backup.body, 200, {
      "Content-Type": "application/octet-stream",
      "Content-Length": String(backup.bytes),
      "Content-Disposition": 'attachment; filename="tallygate.backup"',
      "x-tallygate-position": String(backup.position),
    });
  });
}

/** The result if it comes within `ms`, else undefined; a failure within `ms` is passed on. */
function firstOf<T>(running: Promise<T>, ms: number, timers: Timers): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = timers.after(ms, () => resolve(undefined));
    running.then(resolve, reject).finally(() => timer.cancel());
  });
}

function spacesThen(report: Promise<VerifyJson>, timers: Timers): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let cancel = (): void => {};
  return new ReadableStream({
    start(controller) {
      const space = encoder.encode(" ");
      controller.enqueue(space);
      const beat = timers.every(keepOpenEveryMs, () => controller.enqueue(space));
      const bound = timers.after(verifyMsMax, () => finish(failedReport("verify takes too long")));
      let isOpen = true;
      cancel = () => {
        isOpen = false;
        beat.cancel();
        bound.cancel();
      };
      const finish = (result: VerifyJson): void => {
        if (!isOpen) return;
        cancel();
        controller.enqueue(encoder.encode(JSON.stringify(result)));
        controller.close();
      };
      void report.then(finish);
    },
    cancel: () => cancel(),
  });
}

function verifyJson(report: VerifyReport): VerifyJson {
  return {
    ...report,
    version: { ...report.version },
    differences: report.differences.map((difference) => ({ ...difference })),
    regions: report.regions.map((region) => ({ ...region })),
    problems: [...report.problems],
  };
}

function failedReport(detail: string): VerifyJson {
  return {
    ok: false,
    version: { epoch: 0, position: 0 },
    sealedPosition: 0,
    records: 0,
    counters: 0,
    rows: 0,
    differences: [],
    differenceCount: 0,
    regions: [],
    problems: [detail],
  };
}
