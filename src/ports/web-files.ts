/** The built pages, in memory. */

export interface WebFile {
  /** Of its content: the same bytes, the same tag. */
  readonly tag: string;
  /** Of a file whose address changes with its content. */
  readonly isImmutable: boolean;
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same, compressed; undefined where that saves nothing. */
  readonly gzip: Uint8Array<ArrayBuffer> | undefined;
}

/** By path within the folder, with forward slashes: `dashboard/index.html`, `assets/start-CLPY7ym9.js`. Empty: not built. */
export type WebFiles = ReadonlyMap<string, WebFile>;
