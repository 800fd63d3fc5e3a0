/**
 * What the shop's services share: one HTTP server per copy, JSON answers that say which copy gave them, a health check
 * for the gateway. Nothing but Node: `node users.ts --port 8091 --name users-1`.
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { parseArgs } from "node:util";

export interface ServiceRequest {
  readonly method: string;
  /** `/products/7` is `["products", "7"]`. */
  readonly segments: readonly string[];
  readonly body: string;
}

export interface ServiceReply {
  readonly status: number;
  readonly body: object;
}

export interface ServiceOptions {
  /** Folder that the copies share. */
  readonly data: string;
}

/** The gateway's own bound is lower (`bodyMax`); this is for whoever calls the service directly. */
const bodyMaxBytes = 64 * 1024;

export const notFound: ServiceReply = { status: 404, body: { error: "There is no such thing." } };

/** `answer` makes a service's answers; an error that it throws is a 500. */
export function serve(
  service: (options: ServiceOptions) => (request: ServiceRequest) => ServiceReply,
): void {
  const { values } = parseArgs({
    options: {
      port: { type: "string" },
      name: { type: "string", default: "copy" },
      data: { type: "string", default: "." },
    },
  });
  const { port, name, data } = values;
  const answer = service({ data });
  const server = createServer((request, response) => {
    void reply(request, answer)
      .catch((): ServiceReply => ({ status: 500, body: { error: "Something broke." } }))
      .then((made) => send(response, made, name));
  });
  server.listen(Number(port), "127.0.0.1", () => process.send?.("ready"));
  // Calls in progress are answered.
  process.once("SIGTERM", () => {
    server.close(() => process.exit());
    server.closeIdleConnections();
  });
  if (!process.connected) return;
  // Started by a program: it says when to stop, and takes us along when it ends. Ctrl-C is meant for it.
  process.once("disconnect", () => process.exit());
  process.on("SIGINT", () => {});
}

async function reply(
  request: IncomingMessage,
  answer: (request: ServiceRequest) => ServiceReply,
): Promise<ServiceReply> {
  const { method = "GET", url = "/" } = request;
  const body = await textOf(request);
  if (body === undefined) return { status: 413, body: { error: "That is too long." } };
  const [path = "/"] = url.split("?");
  if (path === "/health") return { status: 200, body: { status: "ok" } };
  return answer({ method, segments: path.split("/").slice(1), body });
}

/** Undefined: too long. */
async function textOf(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.byteLength;
    if (bytes <= bodyMaxBytes) parts.push(part);
  }
  return bytes > bodyMaxBytes ? undefined : Buffer.concat(parts).toString();
}

function send(response: ServerResponse, { status, body }: ServiceReply, servedBy: string): void {
  response
    .writeHead(status, { "content-type": "application/json", "x-served-by": servedBy })
    .end(JSON.stringify(body));
}
