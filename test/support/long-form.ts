/**
 * A claim that a test's long form measures: runs the file with `TALLYGATE_LONG=1`; its tests say their figures in
 * diagnostics that begin with `figure: `.
 */

import { run } from "node:test";
import { fileURLToPath } from "node:url";
import type { Measurement } from "../../claims/claim.ts";

const marker = "figure: ";

/** `file` is named as seen from `test/`. Met if every test passed and none was skipped. */
export async function measureLongForm(file: string): Promise<Measurement> {
  process.env["TALLYGATE_LONG"] = "1";
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
  const figures: string[] = [];
  const details: string[] = [];
  const unmet: string[] = [];
  for await (const event of run({ files: [path], concurrency: 1 })) {
    const { type, data } = event as { type: string; data: Reported };
    if (type === "test:diagnostic") {
      const message = data.message ?? "";
      process.stderr.write(`${message}\n`);
      if (message.startsWith(marker)) figures.push(message.slice(marker.length));
      else details.push(message);
    } else if (type === "test:fail" || (type === "test:pass" && data.skip !== undefined)) {
      unmet.push(data.name ?? "");
      const cause = data.details?.error?.cause;
      const why = cause instanceof Error ? cause.message : "skipped or failed without an error";
      process.stderr.write(`not met: ${data.name}: ${why}\n`);
    }
  }
  const figure = figures.length === 0 ? "no figure" : figures.join("; ");
  return { figure, met: unmet.length === 0 && figures.length > 0, details: { unmet, details } };
}

interface Reported {
  readonly name?: string;
  readonly message?: string;
  readonly skip?: string | boolean;
  readonly details?: { readonly error?: { readonly cause?: unknown } };
}
