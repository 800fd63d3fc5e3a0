/** A collector of OpenTelemetry traces for tests: takes OTLP over HTTP with protobuf, and keeps what it was sent. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface SeenSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** "": it is the first of its trace. */
  readonly parentId: string;
  readonly name: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** Texts and whole numbers. */
  readonly attributes: Readonly<Record<string, string | number>>;
}

export interface OtlpSink {
  readonly url: string;
  readonly spans: readonly SeenSpan[];
  /** Every request's body, as it came. */
  readonly bodies: readonly Buffer[];
  stop(): Promise<void>;
}

export async function startOtlpSink(): Promise<OtlpSink> {
  const spans: SeenSpan[] = [];
  const bodies: Buffer[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts);
      bodies.push(body);
      spans.push(...spansOf(body));
      response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    bodies,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Fields of a protobuf message by number; fixed64 and varint as numbers of their own kind. */
type Message = Map<number, (Buffer | bigint)[]>;

function messageOf(bytes: Buffer): Message {
  const fields: Message = new Map();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] as number;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const list = fields.get(tag >> 3) ?? [];
    fields.set(tag >> 3, list);
    switch (tag & 7) {
      case 0:
        list.push(varint());
        break;
      case 1:
        list.push(bytes.readBigUInt64LE(at));
        at += 8;
        break;
      case 2: {
        const length = Number(varint());
        list.push(bytes.subarray(at, at + length));
        at += length;
        break;
      }
      default:
        at += 4;
    }
  }
  return fields;
}

function messages(of: Message, field: number): Message[] {
  return (of.get(field) ?? []).map((bytes) => messageOf(bytes as Buffer));
}

/** ExportTraceServiceRequest → ResourceSpans → ScopeSpans → Span. */
function spansOf(body: Buffer): SeenSpan[] {
  return messages(messageOf(body), 1)
    .flatMap((resource) => messages(resource, 2))
    .flatMap((scope) => messages(scope, 2))
    .map((span) => ({
      traceId: hex(span, 1),
      spanId: hex(span, 2),
      parentId: hex(span, 4),
      name: text(span, 5),
      startNs: span.get(7)?.[0] as bigint,
      endNs: span.get(8)?.[0] as bigint,
      attributes: Object.fromEntries(messages(span, 9).map((pair) => [text(pair, 1), value(pair)])),
    }));
}

function hex(of: Message, field: number): string {
  return ((of.get(field)?.[0] as Buffer | undefined) ?? Buffer.alloc(0)).toString("hex");
}

function text(of: Message, field: number): string {
  return ((of.get(field)?.[0] as Buffer | undefined) ?? Buffer.alloc(0)).toString();
}

function value(pair: Message): string | number {
  const [any] = messages(pair, 2);
  const whole = any?.get(3)?.[0];
  return whole === undefined ? text(any ?? new Map(), 1) : Number(whole);
}
