/** Requests to the page's own origin: JSON both ways, a session's cookie, and for changes its CSRF token. */

/** Longest wait for an answer. */
const answerMsMax = 20_000;

/** An answer that is no success, as RFC 9457 puts it. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  /** Which fields are wrong: `body.plan` → sentence. */
  readonly fields: ReadonlyMap<string, string>;

  constructor(status: number, problem: Problem) {
    super(problem.detail ?? `The server answered ${status}.`);
    this.name = "ApiError";
    this.status = status;
    this.code = problem.code ?? "";
    this.fields = new Map(problem.errors?.map(({ where, detail }) => [where, detail]));
  }
}

interface Problem {
  readonly detail?: string;
  readonly code?: string;
  readonly errors?: readonly { readonly where: string; readonly detail: string }[];
}

export interface ApiOptions {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

let csrfToken = "";
let signedOut = (): void => {};

/** Called when the server does not know the session (any more). */
export function onSignedOut(run: () => void): void {
  signedOut = run;
}

/** What the session said when it began; goes with every change. */
export function setCsrfToken(token: string): void {
  csrfToken = token;
}

/** Fails with an `ApiError`, or with a plain `Error` where nothing answers. */
export async function api<T>(path: string, options: ApiOptions = {}): Promise<T> {
  const { method = "GET", body, headers, signal } = options;
  const timeout = AbortSignal.timeout(answerMsMax);
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        Accept: "application/json",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(method === "GET" ? {} : { "X-CSRF-Token": csrfToken }),
        ...headers,
      },
      credentials: "same-origin",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    throw new Error("The server cannot be reached.", { cause });
  }
  const text = await response.text();
  const answer: unknown = parse(text);
  if (response.ok) return answer as T;
  if (response.status === 401) signedOut();
  throw new ApiError(response.status, problemOf(answer));
}

function problemOf(answer: unknown): Problem {
  return typeof answer === "object" && answer !== null ? answer : {};
}

function parse(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
