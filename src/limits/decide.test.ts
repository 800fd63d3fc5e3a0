import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { costMax, quotaMax } from "../base/words.ts";
import { copyCharge, Decider, type Decision, emptyCharge } from "./decide.ts";
import {
  type CounterSpec,
  type Dimension,
  type Enforcement,
  emptySubjects,
  type Limit,
  type Plan,
  type Subjects,
} from "./plan.ts";
import { defaultScope, parseWindowSpec } from "./window.ts";
import { WindowTables } from "./window-tables.ts";

const dimensions: readonly Dimension[] = ["key", "owner", "ip", "referer"];

/** `day key 1500 day` or, with an enforcement at the end, `day key 1500 day shadow`. */
function planOf(...lines: readonly string[]): Plan {
  const counters: CounterSpec[] = [];
  const limits = lines.map((line): Limit => {
    const [name = "", per = "", quota, window = "", enforcement = "soft"] = line.split(" ");
    const spec = parseWindowSpec(window);
    assert.ok(!("error" in spec));
    let counter = counters.findIndex((other) => other.per === per && other.window === spec);
    if (counter < 0) {
      const dimension = dimensions.indexOf(per as Dimension);
      counter = counters.length;
      counters.push({ per: per as Dimension, dimension, window: spec, scope: defaultScope(spec) });
    }
    return {
      name,
      counter,
      quota: Number(quota),
      sharedQuota: Number(quota) * 10,
      enforcement: enforcement as Enforcement,
      stalenessMs: 0,
      onFailure: "deny",
      missing: "skip",
    };
  });
  return { name: "test", index: 0, limits, counters };
}

/** `key=1 ip=7`; what is not named, the call lacks. */
function subjectsOf(text: string): Subjects {
  const subjects = emptySubjects();
  for (const part of text.split(" ").filter((some) => some !== "")) {
    const [per, number] = part.split("=");
    const dimension = dimensions.indexOf(per as Dimension);
    subjects.lo[dimension] = Number(number) * 0x1357_9bd1;
    subjects.hi[dimension] = Number(number) * 0x0246_8ace + dimension;
  }
  return subjects;
}

function namesOf(mask: number, plan: Plan): string {
  return plan.limits.flatMap(({ name }, i) => ((mask & (1 << i)) === 0 ? [] : [name])).join("+");
}

/** `ok day r=1499 +2`: admitted, tightest limit, what it leaves, counters charged. */
function told(decision: Readonly<Decision>, plan: Plan): string {
  const { admitted, violated, shadowViolated, tightest, remaining, charge } = decision;
  return [
    admitted ? "ok" : `no:${namesOf(violated, plan)}`,
    ...(shadowViolated === 0 ? [] : [`shadow:${namesOf(shadowViolated, plan)}`]),
    tightest < 0 ? "-" : `${plan.limits[tightest]?.name} r=${remaining}`,
    `+${charge.count}`,
  ].join(" ");
}

/** One line a call: time, subjects, cost → outcome. */
function play(plan: Plan, script: string): void {
  const decider = new Decider(new WindowTables("sydney"));
  for (const line of script.trim().split("\n")) {
    const [left = "", outcome = ""] = line.split("→").map((part) => part.trim());
    const [time = "", ...words] = left.split(/\s+/);
    const cost = Number(words.pop());
    const nowMs = Date.parse(`2026-11-${time.includes("T") ? time : `21T${time}`}Z`);
    const decision = decider.decide(plan, subjectsOf(words.join(" ")), cost, nowMs);
    assert.equal(told(decision, plan), outcome, line);
  }
}

describe("a decision", () => {
  it("admits up to the quota, and not one unit more", () => {
    play(
      planOf("day key 5 day"),
      `
      10:00:00 key=1 1 → ok day r=4 +1
      10:00:00 key=1 3 → ok day r=1 +1
      10:00:00 key=1 2 → no:day day r=1 +0
      10:00:00 key=1 1 → ok day r=0 +1
      10:00:00 key=1 1 → no:day day r=0 +0
      10:00:00 key=2 5 → ok day r=0 +1
      10:00:00 key=3 6 → no:day day r=5 +0
      `,
    );
  });

  it("charges every counter or none", () => {
    play(
      planOf("day ip 3 day", "month ip 100 month", "site referer 2 day"),
      `
      10:00:00 ip=1 referer=9 1 → ok site r=1 +3
      10:00:00 ip=1 referer=9 1 → ok site r=0 +3
      10:00:00 ip=1 referer=9 1 → no:site site r=0 +0
      10:00:00 ip=1           1 → ok day r=0 +2
      10:00:00 ip=1 referer=9 1 → no:day+site day r=0 +0
      10:00:00 ip=2 referer=8 1 → ok site r=1 +3
      `,
    );
  });

  it("charges a counter that two limits share once", () => {
    play(
      planOf("soft key 4 day", "warn key 2 day shadow", "tight key 3 day"),
      `
      10:00:00 key=1 1 → ok tight r=2 +1
      10:00:00 key=1 1 → ok tight r=1 +1
      10:00:00 key=1 1 → ok shadow:warn tight r=0 +1
      10:00:00 key=1 1 → no:tight shadow:warn tight r=0 +0
      `,
    );
  });

  it("lets shadow limits count and refuse nothing", () => {
    play(
      planOf("warn key 1 day shadow"),
      `
      10:00:00 key=1 1 → ok - +1
      10:00:00 key=1 1 → ok shadow:warn - +1
      10:00:00 key=1 0 → ok shadow:warn - +0
      `,
    );
  });

  it("admits a call without cost while no quota is overdrawn, and charges nothing", () => {
    play(
      planOf("day key 1 day"),
      `
      10:00:00 key=1 0 → ok day r=1 +0
      10:00:00 key=1 1 → ok day r=0 +1
      10:00:00 key=1 0 → ok day r=0 +0
      `,
    );
  });

  it("applies no limit to a call that lacks every subject", () => {
    play(planOf("day key 1 day", "site referer 1 day"), "10:00:00 ip=1 1000 → ok - +0");
  });

  it("begins again when a window does, each by itself", () => {
    play(
      planOf("burst key 2 second", "day key 4 day"),
      `
      10:00:00.000 key=1 2 → ok burst r=0 +2
      10:00:00.999 key=1 1 → no:burst burst r=0 +0
      10:00:01.000 key=1 2 → ok day r=0 +2
      10:00:02.000 key=1 1 → no:day day r=0 +0
      23:59:59.999 key=1 1 → no:day day r=0 +0
      22T00:00:00 key=1 1 → ok burst r=1 +2
      `,
    );
  });

  it("tells the limit with the lowest share left, of equals the longest, of equals the first", () => {
    play(
      planOf("a key 10 day", "b key 10 month", "c ip 10 month", "d key 100 week"),
      `
      10:00:00 key=1 ip=1 5 → ok b r=5 +4
      10:00:00 key=2 ip=1 1 → ok c r=4 +4
      10:00:00 key=1      1 → ok b r=4 +3
      `,
    );
  });

  it("says when the tightest limit and the last of the violated ones begin again", () => {
    const plan = planOf("burst key 1 second", "day key 2 day", "month key 9 month");
    const decider = new Decider(new WindowTables("sydney"));
    const subjects = subjectsOf("key=1");
    const at = Date.parse("2026-11-21T10:00:00.250Z");
    const first = decider.decide(plan, subjects, 1, at);
    assert.equal(first.resetsAtMs, Date.parse("2026-11-21T10:00:01Z"));
    assert.equal(first.retryAtMs, 0);
    const second = decider.decide(plan, subjects, 1, at);
    assert.equal(second.retryAtMs, Date.parse("2026-11-21T10:00:01Z"));
    decider.decide(plan, subjects, 1, at + 1_000);
    const third = decider.decide(plan, subjects, 1, at + 1_000);
    assert.equal(namesOf(third.violated, plan), "burst+day");
    assert.equal(third.retryAtMs, Date.parse("2026-11-22T00:00:00Z"));
    assert.equal(third.resetsAtMs, Date.parse("2026-11-22T00:00:00Z"));
  });

  it("names the counters it charged by window and fingerprint", () => {
    const plan = planOf("burst key 9 second", "site referer 9 day", "day ip 9 day");
    const decider = new Decider(new WindowTables("sydney"));
    const subjects = subjectsOf("key=1 ip=7");
    const { charge } = decider.decide(plan, subjects, 2, Date.parse("2026-11-21T10:00:00Z"));
    assert.equal(charge.count, 2);
    assert.equal(charge.cost, 2);
    assert.deepEqual([...charge.counters.slice(0, 2)], [0, 2]);
    assert.deepEqual(
      charge.windows.slice(0, 2).map(({ id }) => id),
      ["second/2026-11-21T10:00:00Z/sydney", "day/2026-11-21T00:00:00Z"],
    );
    for (const [i, dimension] of [0, 2].entries()) {
      assert.equal(charge.lo[i], subjects.lo[dimension]);
      assert.equal(charge.hi[i], subjects.hi[dimension]);
    }
  });

  it("counts what the totals of all regions say together with what is its own", () => {
    const plan = planOf("day key 10 day");
    const tables = new WindowTables("sydney");
    const decider = new Decider(tables);
    const subjects = subjectsOf("key=1");
    const at = Date.parse("2026-11-21T10:00:00Z");
    decider.decide(plan, subjects, 2, at);
    const [lo, hi] = [subjects.lo[0] as number, subjects.hi[0] as number];
    tables.get("day/2026-11-21T00:00:00Z")?.table.setTotal(lo, hi, 7);
    assert.equal(told(decider.decide(plan, subjects, 2, at), plan), "no:day day r=1 +0");
    assert.equal(told(decider.decide(plan, subjects, 1, at), plan), "ok day r=0 +1");
    // Overshoot, seen later: nothing is left, not less than nothing.
    tables.get("day/2026-11-21T00:00:00Z")?.table.setTotal(lo, hi, 12);
    assert.equal(told(decider.decide(plan, subjects, 0, at), plan), "no:day day r=0 +0");
    const [usage] = decider.peek(plan, subjects, at);
    assert.deepEqual([usage?.used, usage?.remaining], [15, 0]);
  });

  it("is exact at the largest quota and refuses a cost out of range", () => {
    const plan = planOf(`day key ${quotaMax} day`);
    const tables = new WindowTables("");
    const decider = new Decider(tables);
    const subjects = subjectsOf("key=1");
    const { table } = tables.current(plan.counters[0] as CounterSpec, 0, 1);
    table.setTotal(subjects.lo[0] as number, subjects.hi[0] as number, quotaMax - costMax);
    assert.equal(told(decider.decide(plan, subjects, costMax, 0), plan), "ok day r=0 +1");
    assert.equal(told(decider.decide(plan, subjects, 1, 0), plan), "no:day day r=0 +0");
    for (const cost of [-1, costMax + 1, Number.NaN]) {
      assert.throws(() => decider.decide(plan, subjects, cost, 0), /cost/);
    }
  });

  it("makes no counter for a call that it denies, and none by a peek", () => {
    const plan = planOf("day key 5 day", "burst ip 1 second");
    const tables = new WindowTables("sydney");
    const decider = new Decider(tables);
    decider.decide(plan, subjectsOf("key=1 ip=1"), 2, 0);
    decider.peek(plan, subjectsOf("key=2 ip=2"), 0);
    tables.forEach(({ table }) => assert.equal(table.count, 0));
  });
});

describe("a peek", () => {
  it("says of each limit that applies what is used, left and when it begins again", () => {
    const plan = planOf("day key 5 day", "site referer 5 day", "month key 100 month shadow");
    const decider = new Decider(new WindowTables("sydney"));
    const subjects = subjectsOf("key=1");
    const at = Date.parse("2026-11-21T10:00:00Z");
    decider.decide(plan, subjects, 2, at);
    const rows = decider
      .peek(plan, subjects, at)
      .map(({ limit, quota, used, remaining, resetsAtMs }) =>
        [limit.name, quota, used, remaining, new Date(resetsAtMs).toISOString()].join(" "),
      );
    assert.deepEqual(rows, [
      "day 5 2 3 2026-11-22T00:00:00.000Z",
      "month 100 2 98 2026-12-01T00:00:00.000Z",
    ]);
  });
});

describe("a refund", () => {
  it("gives the units back to every counter of its charge, later as well", () => {
    const plan = planOf("day key 3 day", "month key 9 month");
    const decider = new Decider(new WindowTables("sydney"));
    const kept = emptyCharge();
    copyCharge(decider.decide(plan, subjectsOf("key=1"), 3, 0).charge, kept);
    assert.equal(decider.decide(plan, subjectsOf("key=1"), 1, 0).admitted, false);
    decider.refund(kept);
    assert.equal(told(decider.decide(plan, subjectsOf("key=1"), 1, 0), plan), "ok day r=2 +2");
  });

  it("leaves windows alone that are gone, and gives back to the others", () => {
    const plan = planOf("burst key 3 second", "day key 9 day");
    const tables = new WindowTables("sydney");
    const decider = new Decider(tables);
    const kept = emptyCharge();
    copyCharge(decider.decide(plan, subjectsOf("key=1"), 3, 0).charge, kept);
    tables.dropEndedBefore(1_000);
    decider.refund(kept);
    assert.equal(
      told(decider.decide(plan, subjectsOf("key=1"), 1, 1_000), plan),
      "ok burst r=2 +2",
    );
  });
});

describe("decisions agree with a naive model", () => {
  const windows = ["second", "15s", "minute", "hour", "day", "month"] as const;
  const anyLimit = fc.record({
    per: fc.constantFrom(...dimensions),
    quota: fc.integer({ min: 1, max: 12 }),
    window: fc.constantFrom(...windows),
    enforcement: fc.constantFrom("soft", "soft", "shadow"),
  });
  const anyCall = fc.record({
    subjects: fc.array(fc.tuple(fc.constantFrom(...dimensions), fc.integer({ min: 1, max: 3 })), {
      maxLength: 4,
    }),
    cost: fc.integer({ min: 0, max: 4 }),
    laterMs: fc.constantFrom(0, 0, 0, 400, 20_000, 3_600_000),
  });

  it("for any plan and any calls", () => {
    fc.assert(
      fc.property(
        fc.array(anyLimit, { minLength: 1, maxLength: 16 }),
        fc.array(anyCall, { maxLength: 60 }),
        (drawn, calls) => {
          const plan = planOf(
            ...drawn.map((l, i) => `l${i} ${l.per} ${l.quota} ${l.window} ${l.enforcement}`),
          );
          const decider = new Decider(new WindowTables("sydney"));
          const used = new Map<string, number>();
          let nowMs = Date.UTC(2026, 10, 30, 23, 58);
          for (const { subjects, cost, laterMs } of calls) {
            nowMs += laterMs;
            const said = new Map(subjects);
            const text = [...said].map(([per, n]) => `${per}=${n}`).join(" ");
            const decision = decider.decide(plan, subjectsOf(text), cost, nowMs);
            const counters = new Set<string>();
            let violated = 0;
            let shadowViolated = 0;
            for (const [i, limit] of drawn.entries()) {
              const subject = said.get(limit.per);
              if (subject === undefined) continue;
              const length = { second: 19, minute: 16, hour: 13, day: 10, month: 7 };
              const iso = new Date(nowMs).toISOString();
              const instance =
                limit.window === "15s"
                  ? Math.floor(nowMs / 15_000)
                  : iso.slice(0, length[limit.window]);
              const counter = `${limit.per} ${subject} ${limit.window} ${instance}`;
              counters.add(counter);
              if ((used.get(counter) ?? 0) + cost <= limit.quota) continue;
              if (limit.enforcement === "shadow") shadowViolated |= 1 << i;
              else violated |= 1 << i;
            }
            assert.equal(decision.violated, violated);
            assert.equal(decision.shadowViolated, shadowViolated);
            assert.equal(decision.admitted, violated === 0);
            const charged = violated === 0 && cost > 0 ? counters : new Set<string>();
            assert.equal(decision.charge.count, charged.size);
            for (const counter of charged) used.set(counter, (used.get(counter) ?? 0) + cost);
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
