/** Calls of the control plane: where it is, the token, one sentence for each thing that can go wrong. */

import type { Command } from "commander";
import { readAuthorities } from "../adapters/node/tls-certificate.ts";
import { isCertificateError } from "../base/certificate-error.ts";
import { type ErrorCode, errorCatalogue, TallygateError } from "../base/errors.ts";
import type { ProblemJson } from "../control/problem.ts";
import { dataFolder, dataFolderDefault, readToken } from "./data-folder.ts";
import { readDevState } from "./dev-state.ts";
import { printable } from "./output.ts";

export interface ControlOptions {
  readonly url?: string;
  readonly token?: string;
  /** PEM file. */
  readonly ca?: string;
  readonly data: string;
}

export interface ControlPlane {
  /** Without a slash at the end. */
  readonly url: string;
  readonly token: string;
  /** PEM of the CAs to trust instead of Node's. */
  readonly ca?: string | undefined;
}

export function addControlOptions(command: Command): Command {
  return command
    .option("--url <url>", "control plane; default: $TALLYGATE_URL, else the hub of `dev`")
    .option("--token <token>", "admin token; default: $TALLYGATE_TOKEN, else from the data folder")
    .option(
      "--ca <file>",
      "CAs that an https control plane is checked against, in PEM; default: $TALLYGATE_CA, else Node's",
    )
    .option("--data <dir>", "data folder of `dev`", dataFolderDefault)
    .option("--json", "print one JSON document");
}

/** Fails with `hub-unreachable`, `usage-wrong`, `unauthorized` or `certificate-invalid` where something is missing. */
export function findControlPlane(options: ControlOptions): ControlPlane {
  const data = dataFolder(options.data);
  const dev = readDevState(data.devState);
  const named = options.url ?? process.env["TALLYGATE_URL"];
  if (named === undefined && dev === undefined) {
    throw new TallygateError(
      "hub-unreachable",
      `\`tallygate dev\` does not run on ${options.data}; start it, or name a control plane with --url and --token`,
    );
  }
  const url = parseControlUrl(named ?? (dev as { hub: { url: string } }).hub.url);
  const caFile = options.ca ?? process.env["TALLYGATE_CA"];
  const plane = {
    url: url.href.replace(/\/$/, ""),
    ca: caFile === undefined ? undefined : readAuthorities(caFile),
  };
  const token = options.token ?? process.env["TALLYGATE_TOKEN"];
  if (token !== undefined) return { ...plane, token };
  // A token found on this machine goes to a hub on this machine, never to whatever --url names.
  if (!isLoopback(url.hostname)) {
    throw new TallygateError("unauthorized", `name the token of ${url.origin} with --token`);
  }
  return { ...plane, token: dev?.token ?? localToken(data.adminToken) };
}

function localToken(file: string): string {
  try {
    return readToken(file);
  } catch (error) {
    if (!(error instanceof TallygateError) || error.code !== "not-found") throw error;
    throw new TallygateError("unauthorized", `name the token with --token; ${error.detail}`);
  }
}

function parseControlUrl(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new TallygateError("usage-wrong", `"${text}" is not a URL of a control plane`);
}

export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\]|::1)$/.test(host);
}

export interface ControlRequest {
  readonly method?: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds for the whole answer; default 30,000. */
  readonly timeoutMs?: number;
}

const answerMsMax = 30_000;

/** Node's own fetch gives up where nothing has come for five minutes, whatever signal it is given. */
const fetchMsMax = 300_000;

/** A fetch for answers that take longer, or that trusts other CAs than Node's. */
async function ownFetch(ca: string | undefined): Promise<typeof fetch> {
  const undici = await import("undici");
  const connect = ca === undefined ? {} : { ca };
  const dispatcher = new undici.Agent({ headersTimeout: 0, bodyTimeout: 0, connect });
  const own = (input: URL, init: object) => undici.fetch(input, { ...init, dispatcher });
  return own as unknown as typeof fetch;
}

/** The JSON of a good answer. */
export async function callControl<T>(plane: ControlPlane, request: ControlRequest): Promise<T> {
  const response = await sendControl(plane, request);
  try {
    return (await response.json()) as T;
  } catch (error) {
    throw unreachable(plane, error);
  }
}

/** A good answer with its body unread; every other is a `TallygateError`. */
export async function sendControl(plane: ControlPlane, request: ControlRequest): Promise<Response> {
  const { method = "GET", path, query = {}, body, headers = {} } = request;
  const url = new URL(plane.url + path);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const timeoutMs = request.timeoutMs ?? answerMsMax;
  const needsOwn = timeoutMs >= fetchMsMax || plane.ca !== undefined;
  const send = needsOwn ? await ownFetch(plane.ca) : fetch;
  let response: Response;
  try {
    response = await send(url, {
      method,
      headers: {
        ...headers,
        authorization: `Bearer ${plane.token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // Followed, a redirect would hand the token to another address.
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    throw unreachable(plane, error);
  }
  if (response.ok) return response;
  throw await refusal(plane, response);
}

function unreachable(plane: ControlPlane, error: unknown): TallygateError {
  const cause = error instanceof Error ? (error.cause as { code?: string } | undefined) : undefined;
  if (cause?.code !== undefined && isCertificateError(cause.code)) {
    const detail = `${plane.url} (${cause.code}); --ca names the CA that issued it`;
    return new TallygateError("hub-untrusted", detail, error);
  }
  const isTimeout = error instanceof Error && error.name === "TimeoutError";
  const why = isTimeout
    ? "it does not answer in time"
    : cause?.code === "ECONNREFUSED"
      ? "nothing listens there; is the hub running?"
      : `the connection failed (${cause?.code ?? "closed"})`;
  return new TallygateError("hub-unreachable", `${plane.url}: ${why}`, error);
}

/** Of a configuration with several mistakes all are told; the first is in `detail`. */
function furtherErrors({ code, errors = [] }: ProblemJson): string[] {
  if (code !== "config-invalid") return [];
  return errors.slice(1).map(({ where, detail }) => printable(`${where}: ${detail}`));
}

/** The operating failure that a bad answer of the control plane tells of. */
async function refusal(plane: ControlPlane, response: Response): Promise<TallygateError> {
  const fallback = new TallygateError(
    "hub-refused",
    `${plane.url} answered ${response.status}, not as a Tallygate control plane does`,
  );
  if (!response.headers.get("content-type")?.startsWith("application/problem+json"))
    return fallback;
  try {
    const problem = (await response.json()) as ProblemJson;
    if (response.status === 401) {
      return new TallygateError("unauthorized", `${plane.url} does not accept it`);
    }
    const code = Object.hasOwn(errorCatalogue, problem.code ?? "")
      ? (problem.code as ErrorCode)
      : "hub-refused";
    return new TallygateError(code, [problem.detail, ...furtherErrors(problem)].join("\n  "));
  } catch {
    return fallback;
  }
}
