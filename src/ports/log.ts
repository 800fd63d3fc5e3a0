/** Structured log. Never give it a key, a full address, a token or a body. */

export interface LogFields {
  readonly [name: string]: string | number | boolean | undefined | null;
}

export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  /** `cause` is an error whose text goes to the log only. */
  error(message: string, fields?: LogFields, cause?: unknown): void;
}
