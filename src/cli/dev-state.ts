/** `<data>/dev.json`: what `dev` started, for the other commands and for tests. */

import { readFileSync } from "node:fs";
import { TallygateError } from "../base/errors.ts";

export interface DevState {
  readonly hub: { readonly pid: number; readonly url: string };
  /** In the order of the configuration. */
  readonly regions: Readonly<Record<string, DevRegion>>;
  /** The admin token. */
  readonly token: string;
}

export interface DevRegion {
  /** Of process 0. */
  readonly pid: number;
  readonly url: string;
  /** Of process 0. */
  readonly operations: string;
  /** All processes, where the region has several. */
  readonly processes?: readonly { readonly pid: number; readonly operations: string }[];
}

/** Undefined: there is no such file. */
export function readDevState(file: string): DevState | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new TallygateError("data-damaged", `${file} cannot be read`, error);
  }
  try {
    const state = JSON.parse(text) as DevState;
    if (typeof state.hub.url === "string" && typeof state.token === "string") return state;
  } catch {
    // Reported below.
  }
  throw new TallygateError("data-damaged", `${file} is not what \`tallygate dev\` writes`);
}
