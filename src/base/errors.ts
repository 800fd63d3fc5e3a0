/**
 * The one catalogue of operating failures: what went wrong outside the code, in words for the
 * operator. Expected outcomes of a call (denied, unknown key) are values, bugs are assertions.
 *
 * `detail` is public: it never holds a secret, a full address or the text of a vendor's error.
 * The vendor's error travels as `cause` and goes to the log only.
 */

export const errorCatalogue = {
  "config-invalid": "The configuration is not valid",
  "config-unreadable": "The configuration file cannot be read",
  "certificate-invalid": "A certificate or its key cannot be used",
  "port-in-use": "The port is in use by another process",
  "listen-failed": "The address cannot be listened on",
  "data-in-use": "The data folder is in use by another process",
  "data-newer": "The data was written by a newer version",
  "data-damaged": "The data is damaged",
  "data-unwritable": "The data folder cannot be written",
  "file-exists": "The file is there already",
  "file-unwritable": "The file cannot be written",
  "journal-full": "The journal has reached its size limit",
  "journal-failed": "The journal could not be written",
  "hub-unreachable": "The hub cannot be reached",
  "hub-untrusted": "The hub's certificate is not trusted",
  "hub-refused": "The hub refused the connection",
  "message-malformed": "A message between gateway and hub is malformed",
  "message-too-large": "A message between gateway and hub is too large",
  "join-refused": "The join token or the client certificate is missing or wrong",
  "producer-refused": "The producer's secret does not match its id",
  "stream-failed": "The usage stream could not be written",
  "stream-damaged": "A record of the usage stream is damaged",
  "ledger-failed": "The ledger could not be written",
  "registry-failed": "The registry of keys could not be written",
  "status-failed": "The record of the status page could not be written",
  "state-failed": "The saved state of the gateway could not be written",
  "not-found": "There is no such thing",
  "changed-meanwhile": "It has changed since it was read",
  "request-invalid": "The request is not valid",
  unauthorized: "The token is missing or wrong",
  forbidden: "The token does not allow it",
  "too-many-attempts": "Too many wrong tokens were tried",
  "backup-invalid": "The file is not a Tallygate backup",
  "mail-failed": "A mail could not be sent",
  "too-busy": "Too much work is waiting",
  "process-failed": "A process did not start",
  "usage-wrong": "The command line is not valid",
} as const;

export type ErrorCode = keyof typeof errorCatalogue;

export class TallygateError extends Error {
  override readonly name = "TallygateError";
  readonly code: ErrorCode;
  /** One sentence for people: what, where, and what to do about it. */
  readonly detail: string;

  constructor(code: ErrorCode, detail: string, cause?: unknown) {
    super(`${errorCatalogue[code]}: ${detail}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.detail = detail;
  }
}
