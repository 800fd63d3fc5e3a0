/** Error answers: `application/problem+json` (RFC 9457), one shape for all of them. */

import { z } from "@hono/zod-openapi";
import type { Context, TypedResponse } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { TallygateError } from "../base/errors.ts";
import type { StoredPerson } from "../ports/portal-store.ts";
import type { Principal } from "./tokens.ts";

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    instance: z
      .string()
      .openapi({ description: "The request id, also in x-request-id and the log." }),
    code: z.string().optional().openapi({ description: "A code of the error catalogue." }),
    errors: z
      .array(z.object({ where: z.string(), detail: z.string() }))
      .optional()
      .openapi({ description: "Which fields are wrong: `body.plan`, `query.limit`." }),
  })
  .openapi("Problem");

export type ProblemJson = z.infer<typeof problemSchema>;

/** Variables that the middleware sets for every request. */
export interface ControlEnv {
  /** What the server knows of the connection. */
  Bindings: { address?: string | undefined };
  /** All but `requestId` is there behind the check of who asks. */
  Variables: {
    requestId: string;
    principal: Principal;
    /** Behind the portal's check, where there is no principal. */
    person: StoredPerson;
    /** Of the session at a browser; undefined: a token was presented. */
    sessionId?: string;
    /** The token or the session's id: what only the caller knows. */
    secret: string;
    /** For answers that last: false once the token is revoked or the session over. */
    isStillAllowed: () => boolean;
  };
}

const titles: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  412: "Precondition Failed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

export interface ProblemParts {
  readonly status: ContentfulStatusCode;
  /** One public sentence. */
  readonly detail: string;
  readonly code?: string;
  readonly errors?: readonly { readonly where: string; readonly detail: string }[];
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * An answer that any route may give. The framework types a route's answers by their JSON and leaves out
 * problems and streams: for those this type fits everywhere.
 */
export type AnyAnswer = Response & TypedResponse<never, never, never>;

export function problem<E extends ControlEnv>(c: Context<E>, parts: ProblemParts): AnyAnswer {
  const body: ProblemJson = {
    type: "about:blank",
    title: titles[parts.status] ?? "Error",
    status: parts.status,
    detail: parts.detail,
    instance: c.get("requestId"),
    ...(parts.code === undefined ? {} : { code: parts.code }),
    ...(parts.errors === undefined ? {} : { errors: [...parts.errors] }),
  };
  const headers = { ...parts.headers, "Content-Type": "application/problem+json" };
  return c.body(JSON.stringify(body), parts.status, headers) as Response as AnyAnswer;
}

/** Codes that are the caller's doing; every other operating failure is the hub's and passes: 503. */
const statusOfCode: Partial<Record<string, ContentfulStatusCode>> = {
  "request-invalid": 400,
  unauthorized: 401,
  forbidden: 403,
  "not-found": 404,
  "changed-meanwhile": 412,
};

/** The parts of an operating failure's answer; undefined: a bug, of which only the log tells more. */
export function failureParts(error: unknown): ProblemParts | undefined {
  if (!(error instanceof TallygateError)) return undefined;
  const status = statusOfCode[error.code] ?? 503;
  return { status, detail: error.detail, code: error.code };
}

function problemResponse(description: string) {
  return { description, content: { "application/problem+json": { schema: problemSchema } } };
}

/** For the responses of routes. */
export const problemResponses = {
  400: problemResponse("The request is not valid."),
  401: problemResponse("The token is missing, wrong or expired."),
  403: problemResponse("The token does not allow it."),
  404: problemResponse("There is no such thing."),
  409: problemResponse("Another request stands in the way."),
  412: problemResponse("The thing has changed since it was read."),
  422: problemResponse("The Idempotency-Key was used with another request."),
  429: problemResponse("Too many wrong tokens came from this address."),
  503: problemResponse("The hub cannot do it now."),
} as const;

/** What any operation may answer. */
export const commonResponses = {
  400: problemResponses[400],
  401: problemResponses[401],
  429: problemResponses[429],
  503: problemResponses[503],
} as const;

/** And one that a read-only token may not do. */
export const changeResponses = { ...commonResponses, 403: problemResponses[403] } as const;
