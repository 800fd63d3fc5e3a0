/**
 * The header that a proxy in front puts before a connection's first byte: who connected to it. PROXY protocol version 2
 * (binary), as HAProxy, nginx, Envoy and the balancers of the clouds send it. Version 1 (text) is not taken: its end is
 * found by searching in what a stranger may have sent.
 *
 * Source: https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt
 */

import type { Socket } from "node:net";

/**
 * Bytes of a header with all that proxies add to it, at most. An address needs 52; names, ids and certificates' subjects
 * (TLVs) come to some hundred.
 */
export const proxyHeaderBytesMax = 2_048;

/** Milliseconds that a proxy has for the header, which it sends at once. */
export const proxyHeaderMsMax = 5_000;

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const headBytes = 16;
const addressBytes = { 1: 12, 2: 36 } as const;

export type ProxyHeader =
  /** More bytes are needed. */
  | { readonly kind: "part" }
  | { readonly kind: "malformed" }
  /** `address` is undefined where the proxy speaks for itself (its health checks) or does not know. */
  | { readonly kind: "header"; readonly length: number; readonly address: string | undefined };

const part: ProxyHeader = { kind: "part" };
const malformed: ProxyHeader = { kind: "malformed" };

/** Looks at the first bytes of a connection; decides as early as a byte cannot belong to a header. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  const seen = Math.min(bytes.length, signature.length);
  if (bytes.compare(signature, 0, seen, 0, seen) !== 0) return malformed;
  if (bytes.length > 12 && (bytes[12] as number) >> 4 !== 2) return malformed;
  if (bytes.length < headBytes) return part;
  const command = (bytes[12] as number) & 15;
  const family = (bytes[13] as number) >> 4;
  const transport = (bytes[13] as number) & 15;
  const length = headBytes + bytes.readUInt16BE(14);
  if (command > 1 || family > 3 || transport > 2 || length > proxyHeaderBytesMax) return malformed;
  const isAddressed = command === 1 && (family === 1 || family === 2);
  // A datagram's header cannot be on a connection.
  if (isAddressed && transport !== 1) return malformed;
  if (isAddressed && length < headBytes + addressBytes[family]) return malformed;
  if (bytes.length < length) return part;
  if (!isAddressed) return { kind: "header", length, address: undefined };
  const address = family === 1 ? ipv4Text(bytes, headBytes) : ipv6Text(bytes, headBytes);
  return { kind: "header", length, address };
}

function ipv4Text(bytes: Buffer, from: number): string {
  return bytes.subarray(from, from + 4).join(".");
}

/** Not in the shortest form: nobody reads it but the parser of addresses. */
function ipv6Text(bytes: Buffer, from: number): string {
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(bytes.readUInt16BE(from + i).toString(16));
  return groups.join(":");
}

/**
 * Reads the header off a new connection and leaves what follows it unread, the socket paused. `taken` is called once with
 * the address, undefined where the header names none; a header that is malformed, cut short or late closes the connection,
 * and `taken` is never called.
 */
export function takeProxyHeader(
  socket: Socket,
  taken: (address: string | undefined) => void,
  msMax: number = proxyHeaderMsMax,
): void {
  let bytes: Buffer = Buffer.alloc(0);
  const bound = setTimeout(() => socket.destroy(), msMax);
  const leave = (): void => {
    clearTimeout(bound);
    socket.off("data", receive);
    socket.off("end", giveUp);
    socket.off("error", giveUp);
    socket.off("close", leave);
  };
  const giveUp = (): void => {
    leave();
    // What a broken connection still says is nobody's business.
    socket.on("error", () => {});
    socket.destroy();
  };
  const receive = (chunk: Buffer): void => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const header = parseProxyHeader(bytes);
    if (header.kind === "part") return;
    if (header.kind === "malformed") return giveUp();
    leave();
    socket.pause();
    if (bytes.length > header.length) socket.unshift(bytes.subarray(header.length));
    taken(header.address);
  };
  socket.on("data", receive);
  socket.on("end", giveUp);
  socket.on("error", giveUp);
  socket.on("close", leave);
}
