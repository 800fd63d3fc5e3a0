/** All interleavings of a small world of leases, with the rules' real code and with wrong ones. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { applyLeaseRecord, openUnits } from "./lease-book.ts";
import {
  type Bounds,
  initialState,
  type Rules,
  realRules,
  steps,
  violation,
} from "./testing/lease-model.ts";

/** Far above what the bounds below need: a search that reaches it has not been exhaustive. */
const statesMax = 150_000;

interface Found {
  readonly states: number;
  readonly violation: string | undefined;
  readonly admittedMax: number;
}

/** Visits every state there is, fewest steps first, or stops at the first violation. */
function search(rules: Rules, bounds: Bounds): Found {
  const start = initialState();
  const seen = new Set([JSON.stringify(start)]);
  const open = [start];
  let admittedMax = 0;
  for (const state of open) {
    admittedMax = Math.max(admittedMax, state.admitted);
    const wrong = violation(state, rules, bounds);
    if (wrong !== undefined) return { states: seen.size, violation: wrong, admittedMax };
    for (const next of steps(state, rules, bounds)) {
      const text = JSON.stringify(next);
      if (seen.has(text)) continue;
      seen.add(text);
      assert.ok(seen.size <= statesMax, "the search is bounded by the model");
      open.push(next);
    }
  }
  return { states: seen.size, violation: undefined, admittedMax };
}

const worlds: readonly Bounds[] = [
  { quota: 2, want: 2, requests: 1, crashes: 1, restore: true },
  { quota: 2, want: 1, requests: 2, crashes: 0, restore: false },
  { quota: 2, want: 1, requests: 1, crashes: 2, restore: false },
  { quota: 3, want: 2, requests: 1, crashes: 1, restore: false },
  { quota: 4, want: 2, requests: 1, crashes: 1, restore: false },
  { quota: 4, want: 3, requests: 1, crashes: 1, restore: false },
];

/** Each replaces one of the rules, and must be found in a small world. */
const wrongRules: Readonly<Record<string, Partial<Rules>>> = {
  "units are reclaimed without a final": { reclaims: true },
  "a restart forgets what was spent": {
    closeAfterRestart: ({ holder, request }) => ({ holder, request, spent: 0 }),
  },
  "units are spent above the durable mark": {
    spend: (leases, cost) => {
      const lease = leases.find(({ spent, granted }) => granted - spent >= cost);
      if (lease !== undefined) lease.spent += cost;
      return lease !== undefined;
    },
  },
  "a grant is sent before it is durable": { sendsBeforeDurable: true },
  "a final is credited as often as it comes": {
    applyLeaseRecord: (book, record) => {
      const { last = 0 } = book.holders.get(record.holder) ?? {};
      const isClosed = record.request <= last && openUnits(book, record) === undefined;
      applyLeaseRecord(book, record);
      if (record.kind === "final" && isClosed) book.consumed -= 1;
    },
  },
  "a repeated grant opens the lease again": {
    isAwaited: (grant, holder) => grant.holder === holder,
  },
  "a restored hub grants in a window that had begun": { fences: false },
  "grants under way count as free": {
    answerLeaseRequest: (book, request, context) =>
      realRules.answerLeaseRequest(book, request, { ...context, pending: [] }),
  },
};

describe("strict limits, every interleaving", () => {
  for (const bounds of worlds) {
    it(`never admit above the quota: ${JSON.stringify(bounds)}`, (t) => {
      const found = search(realRules, bounds);
      assert.equal(found.violation, undefined);
      assert.equal(found.admittedMax, bounds.quota, "and can use it to its last unit");
      t.diagnostic(`${found.states} states`);
    });
  }

  for (const [name, wrong] of Object.entries(wrongRules)) {
    it(`would be noticed: ${name}`, (t) => {
      const bounds =
        wrong.fences === false
          ? { quota: 2, want: 2, requests: 1, crashes: 0, restore: true }
          : { quota: 2, want: 1, requests: 2, crashes: 1, restore: false };
      const found = search({ ...realRules, ...wrong }, bounds);
      assert.notEqual(found.violation, undefined);
      t.diagnostic(`after ${found.states} states: ${found.violation}`);
    });
  }
});
