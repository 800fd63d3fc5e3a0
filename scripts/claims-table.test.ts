import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Claim } from "../claims/claim.ts";
import { root } from "./checks.ts";
import {
  loadClaims,
  parsePage,
  type Row,
  readMeasurement,
  renderPage,
  selectClaims,
} from "./claims-table.ts";

function claimOf(id: string): Claim {
  return { id, sentence: `claim | ${id}`, bar: "≤ 1 s", minutesMax: 1, command: [] };
}

const row: Row = {
  figure: "0.5 s | of 2",
  met: "met",
  commit: "abc1234",
  date: "2026-11-21",
  machine: "a CPU, 2 cores",
};

test("a page keeps the rows that were not measured again", () => {
  const claims = [claimOf("1-a"), claimOf("2-b")];
  const rows = parsePage(renderPage(claims, new Map([["1-a", row]])));
  assert.deepEqual([...rows], [["1-a", row]]);
});

test("a claim that is gone leaves the page, one never measured says so", () => {
  const page = renderPage([claimOf("2-b")], new Map([["1-a", row]]));
  assert.doesNotMatch(page, /1-a/);
  assert.match(page, /2-b .*not measured yet/);
});

test("claims are chosen by id or by row of the issue", () => {
  const claims = [claimOf("1-a"), claimOf("1-b"), claimOf("10-c")];
  const chosen = (...asked: string[]): string[] => selectClaims(claims, asked).map(({ id }) => id);
  assert.deepEqual(chosen(), ["1-a", "1-b", "10-c"]);
  assert.deepEqual(chosen("1"), ["1-a", "1-b"]);
  assert.deepEqual(chosen("10-c"), ["10-c"]);
  assert.throws(() => chosen("3"), /no claim 3/);
});

test("only a whole measurement in the last line counts", () => {
  const line = '{"figure":"1 s","met":true,"details":{"a":1}}';
  assert.deepEqual(readMeasurement(`progress\n${line}\n`), { figure: "1 s", met: true });
  for (const output of ["", "1 s", `${line}\nnot last`, '{"figure":"1 s"}', "null"]) {
    assert.equal(typeof readMeasurement(output), "string", output);
  }
});

test("the guarantees name claims that there are", async () => {
  const known = new Set((await loadClaims()).map(({ id }) => id));
  const page = readFileSync(join(root, "docs", "guarantees.md"), "utf8");
  const named = [...page.matchAll(/`((?:\d+|faults)-[a-z-]+)`/g)].map(([, id]) => id ?? "");
  assert.ok(named.length > 0);
  assert.deepEqual(
    named.filter((id) => !known.has(id)),
    [],
  );
});
