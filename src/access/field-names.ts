/** Names of header fields, in lower case, that are not passed on as they come. */

/** Of one connection (RFC 9110, 7.6.1); so are those that Connection names. */
export const hopByHopFields: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Of replies, where they are the gateway's: nothing behind it may set them. */
export const ownFields: ReadonlySet<string> = new Set([
  "ratelimit",
  "ratelimit-policy",
  "x-request-id",
  "x-region",
  "x-tallygate-outcome",
]);
