/**
 * `docs/simulator-campaign.md` as data: the seeds that were run in long campaigns, and by which commit. 50,000 seeds take hours:
 * a campaign goes on where the last one stopped, at the commit that is there then.
 */

import { readFileSync } from "node:fs";

/** Not the seeds of the everyday suite. */
const firstSeed = 100_001;

export interface CampaignRow {
  readonly commit: string;
  readonly first: number;
  readonly last: number;
  /** "" or what does not hold, and at which seed. */
  readonly violation: string;
  /** Of all traces of a row, each block's hash upon the one before. */
  readonly hash: string;
  readonly date: string;
}

export function readCampaign(file: string): CampaignRow[] {
  let page = "";
  try {
    page = readFileSync(file, "utf8");
  } catch {
    return [];
  }
  return page.split("\n").flatMap((line) => {
    const cells = line.split("|").map((cell) => cell.trim());
    const [, commit = "", first, last, violation = "", hash = "", date = ""] = cells;
    if (cells.length !== 8 || !/^\d+$/.test(first ?? "")) return [];
    const isNone = violation === "none";
    return [
      {
        ...{ commit, first: Number(first), last: Number(last) },
        ...{ violation: isNone ? "" : violation, hash, date },
      },
    ];
  });
}

export function nextSeed(rows: readonly CampaignRow[]): number {
  return Math.max(firstSeed, ...rows.map(({ last }) => last + 1));
}

/** Those since the last violation: what was found and mended before does not count. */
export function cleanRows(rows: readonly CampaignRow[]): readonly CampaignRow[] {
  const bad = rows.findLastIndex(({ violation }) => violation !== "");
  return rows.slice(bad + 1);
}

export function seedsOf(rows: readonly CampaignRow[]): number {
  return rows.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

/** A block that was run, added to the row before if that is of the same commit. */
export function withBlock(rows: readonly CampaignRow[], block: CampaignRow): CampaignRow[] {
  const before = rows.at(-1);
  const goesOn =
    before?.commit === block.commit && before.last + 1 === block.first && before.violation === "";
  if (!goesOn || before === undefined) return [...rows, block];
  return [...rows.slice(0, -1), { ...block, first: before.first }];
}

export function campaignPage(rows: readonly CampaignRow[]): string {
  const lines = rows.map(
    ({ commit, first, last, violation, hash, date }) =>
      `| ${commit} | ${first} | ${last} | ${violation.replace(/[\s|]+/g, " ") || "none"} | ${hash} | ${date} |`,
  );
  const seeds = seedsOf(cleanRows(rows)).toLocaleString("en");
  return `# The simulator's campaign

Seeds that were run beside the everyday suite, block by block, each by the commit that its row names. Written by
\`npm run sim:campaign -- --minutes N\`, never edited by hand. A row with a violation is one defect, of the product or of a checker;
only seeds after it count: ${seeds} without a violation.

| commit | first seed | last seed | violation | hash of the last block | date |
|---|---|---|---|---|---|
${lines.join("\n")}
`;
}
