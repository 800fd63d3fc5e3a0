/**
 * The problems that a gateway answers with (RFC 9457): one table of kind, status and texts. `detail`
 * may be replaced per answer, but never by anything that tells one refused key from another.
 */

import type { HeaderList } from "../ports/listener.ts";

interface ProblemSpec {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** Further reply fields. */
  readonly headers?: HeaderList;
  /** The connection is not used again: what follows on it cannot be trusted. */
  readonly closes?: true;
}

const soon: HeaderList = ["retry-after", "1"];

export const problemCatalogue = {
  "request-malformed": {
    status: 400,
    title: "Malformed request",
    detail: "The request cannot be understood safely.",
    closes: true,
  },
  "field-name-refused": {
    status: 400,
    title: "Field name refused",
    detail: "Names of header fields may not hold an underscore.",
    closes: true,
  },
  "keys-differ": {
    status: 400,
    title: "Two keys",
    detail: "Two places of the request hold different API keys.",
    closes: true,
  },
  "subject-missing": {
    status: 400,
    title: "Something is missing",
    detail: "The request lacks what its plan counts by.",
  },
  "key-refused": {
    status: 401,
    title: "No valid API key",
    detail: "The request has no API key that is valid here.",
    headers: ["www-authenticate", 'Bearer realm="api"'],
  },
  "key-restricted": {
    status: 403,
    title: "Not allowed for this API key",
    detail: "The API key is not for this route, site or address.",
  },
  "address-denied": {
    status: 403,
    title: "Not allowed from this address",
    detail: "Calls from this address are not taken.",
  },
  "address-blocked": {
    status: 403,
    title: "Blocked for a while",
    detail:
      "Too many calls came from this address after its quota was used up. A valid API key is not affected.",
  },
  "keys-wrong-too-often": {
    status: 429,
    title: "Too many invalid API keys",
    detail: "Too many calls with an API key that is not valid here came from this address.",
  },
  "route-unknown": { status: 404, title: "Not found", detail: "There is nothing at this path." },
  "method-refused": {
    status: 405,
    title: "Method not allowed",
    detail: "The path exists, but not for this method.",
  },
  "target-too-long": {
    status: 414,
    title: "Target too long",
    detail: "The path and query are too long.",
    closes: true,
  },
  "quota-exceeded": {
    status: 429,
    title: "Quota exceeded",
    detail: "A limit of the plan is used up.",
  },
  "headers-too-large": {
    status: 431,
    title: "Header fields too large",
    detail: "The request has too many header fields.",
    closes: true,
  },
  "handler-failed": {
    status: 500,
    title: "Internal error",
    detail: "The request could not be answered.",
  },
  "upstream-failed": {
    status: 502,
    title: "Bad gateway",
    detail: "The server behind the gateway did not answer properly.",
  },
  "upstream-overloaded": {
    status: 503,
    title: "Overloaded",
    detail: "The server behind the gateway has no room for the request.",
    headers: soon,
  },
  "upstream-unavailable": {
    status: 503,
    title: "Unavailable",
    detail: "None of the servers behind the gateway is in service at present.",
  },
  "gateway-overloaded": {
    status: 503,
    title: "Overloaded",
    detail: "The gateway has more calls than it can answer.",
    headers: soon,
  },
  "gateway-unready": {
    status: 503,
    title: "Not ready",
    detail: "The gateway is starting and cannot answer yet.",
    headers: soon,
  },
  "view-stale": {
    status: 503,
    title: "Usage not known",
    detail: "The gateway has been cut off from the others for too long to enforce this plan.",
    headers: soon,
  },
  "quota-not-held": {
    status: 503,
    title: "Quota not at hand",
    detail:
      "The plan's quota is handed out in parts, and none of it is at hand here at this moment.",
    headers: soon,
  },
  "usage-unrecordable": {
    status: 503,
    title: "Usage cannot be recorded",
    detail: "The gateway cannot record usage at present.",
    headers: soon,
  },
  "request-late": {
    status: 408,
    title: "Request too slow",
    detail: "The request did not arrive in time.",
    closes: true,
  },
  "body-too-large": {
    status: 413,
    title: "Body too large",
    detail: "The request's body is too large.",
    closes: true,
  },
  "expectation-failed": {
    status: 417,
    title: "Expectation failed",
    detail: "Only 100-continue can be expected.",
    closes: true,
  },
  "method-unknown": {
    status: 501,
    title: "Method not implemented",
    detail: "The method is not known.",
    closes: true,
  },
  "encoding-unknown": {
    status: 501,
    title: "Transfer coding not implemented",
    detail: "Only chunked is understood.",
    closes: true,
  },
  "version-unsupported": {
    status: 505,
    title: "HTTP version not supported",
    detail: "HTTP/1.0 and HTTP/1.1 are understood.",
    closes: true,
  },
  "plan-unknown": {
    status: 403,
    title: "Not allowed for this API key",
    detail: "The plan of the API key is not offered here.",
  },
  "answer-late": {
    status: 504,
    title: "Gateway time-out",
    detail: "The answer did not come in time.",
  },
} as const satisfies Record<string, ProblemSpec>;

export type ProblemKind = keyof typeof problemCatalogue;

export function problemSpec(kind: ProblemKind): ProblemSpec {
  return problemCatalogue[kind];
}

/** The kind for bytes that made no request; see `ExchangeTaker.refuse`. */
export function refusalKind(status: number): ProblemKind {
  switch (status) {
    case 405:
      return "method-refused";
    case 408:
      return "request-late";
    case 413:
      return "body-too-large";
    case 431:
      return "headers-too-large";
    case 501:
      return "method-unknown";
    default:
      return "request-malformed";
  }
}

/** The type that the contract fixes; the others are told by status and title ("about:blank"). */
const quotaExceededType = "https://iana.org/assignments/http-problem-types#quota-exceeded";

export interface ProblemExtras {
  readonly detail?: string;
  /** Names of the limits, for `quota-exceeded`. */
  readonly violatedPolicies?: readonly string[];
  /** Where to get a key; "" or absent: not said. */
  readonly signup?: string;
}

/** The body, as JSON. `instance` is the request id. */
export function problemBody(kind: ProblemKind, instance: string, extras?: ProblemExtras): string {
  const { status, title, detail } = problemSpec(kind);
  return JSON.stringify({
    type: kind === "quota-exceeded" ? quotaExceededType : "about:blank",
    title,
    status,
    detail: extras?.detail ?? detail,
    instance,
    ...(extras?.violatedPolicies && { "violated-policies": extras.violatedPolicies }),
    ...(extras?.signup && { signup: extras.signup }),
  });
}
