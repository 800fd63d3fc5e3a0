import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  type CampaignRow,
  campaignPage,
  cleanRows,
  nextSeed,
  readCampaign,
  seedsOf,
  withBlock,
} from "./campaign-table.ts";

const row = (commit: string, first: number, last: number, violation = ""): CampaignRow => {
  return { commit, first, last, violation, hash: "0f", date: "2026-11-27" };
};

test("a page is read as it was written", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tallygate-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "page.md");
  const rows = [row("aa", 1, 100), row("bb", 101, 150, "seed 150: I16: 3 over")];
  writeFileSync(file, campaignPage(rows));
  assert.deepEqual(readCampaign(file), rows);
  assert.deepEqual(readCampaign(join(folder, "none.md")), []);
});

test("blocks of one commit are one row, and a campaign goes on behind the last", () => {
  const rows = withBlock(withBlock([], row("aa", 1, 100)), row("aa", 101, 200));
  assert.deepEqual(rows, [row("aa", 1, 200)]);
  assert.equal(withBlock(rows, row("bb", 201, 300)).length, 2);
  assert.equal(nextSeed([row("aa", 100_001, 100_200)]), 100_201);
});

test("only seeds after the last violation count", () => {
  const rows = [row("aa", 1, 50, "seed 50: I1: x"), row("bb", 51, 60), row("cc", 61, 80)];
  assert.equal(seedsOf(cleanRows(rows)), 30);
});
