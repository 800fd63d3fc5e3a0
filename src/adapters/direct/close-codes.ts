/** Why a WebSocket was closed, as code and text (RFC 6455, 7.4; 4000 and up are our own). */

export const closeCodes = {
  normal: 1000,
  "going-away": 1001,
  "too-large": 1009,
  malformed: 4000,
  "producer-mismatch": 4001,
  replaced: 4002,
  silent: 4003,
  "too-slow": 4004,
} as const;

/** Bytes of a reason, by the protocol. */
const reasonMaxBytes = 123;

const texts = new Map<number, string>([
  [1000, "closed by the peer"],
  [1001, "the peer goes away"],
  [1005, "closed by the peer"],
  [1006, "the connection was lost"],
  [1009, "the peer found a message too large"],
]);

/** The reason that the peer gave, cleaned of what does not belong into a log, or the meaning of the code. */
export function reasonOfClose(code: number, reason: string): string {
  const clean = reason.replace(/[^\x20-\x7e]/g, "?");
  return clean === "" ? (texts.get(code) ?? `closed by the peer with code ${code}`) : clean;
}

/** `reason` as it fits into a close frame. */
export function reasonText(reason: string): Buffer {
  return Buffer.from(reason.replace(/[^\x20-\x7e]/g, "?").slice(0, reasonMaxBytes), "latin1");
}
