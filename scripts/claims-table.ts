/** `docs/claims.md` as data: which claims there are, what was measured, and the page they make. */

import { globSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Claim } from "../claims/claim.ts";
import { root } from "./checks.ts";

/** A measured row as it stands on the page; every field is text. */
export interface Row {
  readonly figure: string;
  readonly met: string;
  readonly commit: string;
  readonly date: string;
  readonly machine: string;
}

export async function loadClaims(): Promise<Claim[]> {
  const files = globSync("claims/*.ts", { cwd: root }).filter(
    (file) => !/(^|[/\\])claim\.ts$|\.test\.ts$/.test(file),
  );
  const modules = await Promise.all(
    files.map((file) => import(pathToFileURL(join(root, file)).href) as Promise<{ claim?: Claim }>),
  );
  const claims = modules.map(({ claim }, index) => {
    if (!claim) throw new Error(`${files[index]} exports no claim`);
    return claim;
  });
  const ids = new Set(claims.map(({ id }) => id));
  if (ids.size < claims.length) throw new Error("two claims have one id");
  return claims.sort((a, b) => a.id.localeCompare(b.id, "en", { numeric: true }));
}

/** The claims of which an id, or the part of it before its dash, is asked for; all if none is. */
export function selectClaims(claims: readonly Claim[], asked: readonly string[]): Claim[] {
  if (asked.length === 0) return [...claims];
  const isNamed = (claim: Claim, id: string): boolean =>
    claim.id === id || claim.id.startsWith(`${id}-`);
  const unknown = asked.find((id) => !claims.some((claim) => isNamed(claim, id)));
  if (unknown !== undefined) throw new Error(`there is no claim ${unknown}`);
  return claims.filter((claim) => asked.some((id) => isNamed(claim, id)));
}

function escapeCell(text: string): string {
  return text.replace(/\s+/g, " ").replace(/\|/g, "\\|").trim();
}

/** Measured rows by claim id. What does not look like one is left out. */
export function parsePage(page: string): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const line of page.split("\n")) {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, "|"));
    const [, id, , , figure, met, commit, date, machine] = cells;
    if (cells.length !== 10 || !id || !/^\d{4}-/.test(date ?? "")) continue;
    const row = { figure, met, commit, date, machine } as Row;
    rows.set(id, row);
  }
  return rows;
}

export function renderPage(claims: readonly Claim[], rows: ReadonlyMap<string, Row>): string {
  const lines = claims.map(({ id, sentence, bar }) => {
    const row = rows.get(id);
    const measured = row
      ? [row.figure, row.met, row.commit, row.date, row.machine]
      : ["not measured yet", "", "", "", ""];
    return `| ${[id, sentence, bar, ...measured].map(escapeCell).join(" | ")} |`;
  });
  return [
    "# Claims",
    "",
    "Every figure that the project states, as last measured. Written by `npm run claims [-- ID…]`, which",
    "measures in a fresh clone of the commit; never edited by hand. The programs are in `claims/`.",
    "",
    "| id | claim | bar | figure | met | commit | date | machine |",
    "|---|---|---|---|---|---|---|---|",
    ...lines,
    "",
  ].join("\n");
}

/** The measurement in the last line of a program's output, or why there is none. */
export function readMeasurement(output: string): { figure: string; met: boolean } | string {
  const line = output.trimEnd().split("\n").at(-1) ?? "";
  try {
    const value = JSON.parse(line) as { figure?: unknown; met?: unknown } | null;
    if (typeof value?.figure === "string" && typeof value.met === "boolean") {
      return { figure: value.figure, met: value.met };
    }
  } catch {
    // Said below: what the line holds is no matter.
  }
  return "no measurement in its last line";
}
