import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  defaultScope,
  nominalSeconds,
  parseWindowId,
  parseWindowSpec,
  type WindowSpec,
  windowAt,
  windowId,
  windowSpecCount,
} from "./window.ts";

const dayMs = 86_400_000;

/** One spelling of every spec there is. */
const texts = [
  ...["second", "minute", "hour", "day", "week", "month", "month@key"],
  ...[2, 3, 4, 5, 6, 10, 12, 15, 20, 30].flatMap((n) => [`${n}s`, `${n}m`]),
  ...[2, 3, 4, 6, 8, 12].map((n) => `${n}h`),
];

function specOf(text: string): WindowSpec {
  const spec = parseWindowSpec(text);
  assert.ok(!("error" in spec), text);
  return spec;
}

const anySpec = fc.constantFrom(...texts).map(specOf);
const anyAnchor = fc.integer({ min: 1, max: 31 });
/** 1970 to 2200, with the hours around the beginnings of months more often than chance gives. */
const anyInstant = fc.oneof(
  fc.integer({ min: 0, max: Date.UTC(2200, 0, 1) }),
  fc
    .record({
      month: fc.integer({ min: 1, max: 230 * 12 - 1 }),
      offset: fc.constantFrom(-dayMs, -1_000, -1, 0, 1, 1_000, dayMs),
    })
    .map(({ month, offset }) => Date.UTC(1970, month, 1) + offset),
);

function bounds(spec: WindowSpec, nowMs: number, anchorDay = 1) {
  return { ...windowAt(spec, nowMs, anchorDay) };
}

describe("windows", () => {
  it("hold every instant in exactly one window of a spec, and adjacent windows meet", () => {
    fc.assert(
      fc.property(anySpec, anyInstant, anyAnchor, (spec, nowMs, anchor) => {
        const { startMs, endMs } = bounds(spec, nowMs, anchor);
        assert.ok(startMs <= nowMs && nowMs < endMs);
        assert.deepEqual(bounds(spec, endMs - 1, anchor), { startMs, endMs });
        assert.equal(bounds(spec, endMs, anchor).startMs, endMs);
        if (startMs > 0) {
          assert.deepEqual(bounds(spec, startMs, anchor), { startMs, endMs });
          assert.equal(bounds(spec, startMs - 1, anchor).endMs, startMs);
        }
      }),
      { numRuns: 20_000 },
    );
  });

  it("of fixed length divide the UTC day and are as long as they say", () => {
    fc.assert(
      fc.property(anySpec, anyInstant, (spec, nowMs) => {
        if (spec.kind !== "fixed") return;
        const { startMs, endMs } = bounds(spec, nowMs);
        assert.equal(endMs - startMs, nominalSeconds(spec) * 1_000);
        assert.equal(dayMs % (endMs - startMs), 0);
        assert.equal(startMs % (endMs - startMs), 0);
      }),
    );
  });

  it("of a month agree with the calendar, leap years and year ends included", () => {
    const month = specOf("month");
    for (let n = 0; n < 230 * 12; n++) {
      const startMs = Date.UTC(1970, n, 1);
      const endMs = Date.UTC(1970, n + 1, 1);
      assert.deepEqual(bounds(month, startMs), { startMs, endMs });
      assert.deepEqual(bounds(month, endMs - 1), { startMs, endMs });
    }
  });

  it("of a week begin on Monday", () => {
    fc.assert(
      fc.property(anyInstant, (nowMs) => {
        const { startMs, endMs } = bounds(specOf("week"), nowMs);
        assert.equal(new Date(startMs).getUTCDay(), 1);
        assert.ok(startMs % dayMs === 0);
        assert.equal(endMs - startMs, 7 * dayMs);
      }),
    );
  });

  it("of month@key begin on the anchor day, or on the last day of a shorter month", () => {
    fc.assert(
      fc.property(anyInstant, anyAnchor, (nowMs, anchor) => {
        for (const edge of Object.values(bounds(specOf("month@key"), nowMs, anchor))) {
          const date = new Date(edge);
          const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0));
          assert.equal(date.getUTCDate(), Math.min(anchor, lastDay.getUTCDate()));
          assert.ok(edge % dayMs === 0);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  const table: readonly (readonly [string, number, string, string, string])[] = [
    // window, anchor, now, start, end
    ["second", 1, "2026-11-21T22:33:58.999Z", "2026-11-21T22:33:58Z", "2026-11-21T22:33:59Z"],
    ["2s", 1, "2026-11-21T22:33:59Z", "2026-11-21T22:33:58Z", "2026-11-21T22:34:00Z"],
    ["15m", 1, "2026-11-21T22:33:58Z", "2026-11-21T22:30:00Z", "2026-11-21T22:45:00Z"],
    ["6h", 1, "2026-11-21T22:33:58Z", "2026-11-21T18:00:00Z", "2026-11-22T00:00:00Z"],
    ["day", 1, "2026-12-31T23:59:59.999Z", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"],
    ["week", 1, "2027-01-01T00:00:00Z", "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z"],
    ["month", 1, "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"],
    ["month", 1, "2100-02-28T12:00:00Z", "2100-02-01T00:00:00Z", "2100-03-01T00:00:00Z"],
    ["month@key", 31, "2027-02-27T23:59:59Z", "2027-01-31T00:00:00Z", "2027-02-28T00:00:00Z"],
    ["month@key", 31, "2027-02-28T00:00:00Z", "2027-02-28T00:00:00Z", "2027-03-31T00:00:00Z"],
    ["month@key", 31, "2028-02-29T00:00:00Z", "2028-02-29T00:00:00Z", "2028-03-31T00:00:00Z"],
    ["month@key", 30, "2027-03-01T00:00:00Z", "2027-02-28T00:00:00Z", "2027-03-30T00:00:00Z"],
    ["month@key", 17, "2027-01-01T00:00:00Z", "2026-12-17T00:00:00Z", "2027-01-17T00:00:00Z"],
    ["month@key", 1, "2026-11-21T00:00:00Z", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"],
  ];
  for (const [text, anchor, now, start, end] of table) {
    it(`${text} (anchor ${anchor}) at ${now} is ${start} to ${end}`, () => {
      const { startMs, endMs } = bounds(specOf(text), Date.parse(now), anchor);
      assert.equal(new Date(startMs).toISOString(), start.replace("Z", ".000Z"));
      assert.equal(new Date(endMs).toISOString(), end.replace("Z", ".000Z"));
    });
  }
});

describe("window specs", () => {
  it("are one object for each window, whatever its spelling", () => {
    const specs = texts.map(specOf);
    assert.equal(new Set(specs).size, texts.length);
    assert.equal(windowSpecCount, texts.length);
    assert.deepEqual(new Set(specs.map(({ index }) => index)).size, texts.length);
    for (const spec of specs) assert.equal(specOf(spec.text), spec);
    const pairs = { "1s": "second", "60s": "minute", "1m": "minute", "60m": "hour" };
    for (const [spelling, text] of Object.entries({ ...pairs, "1h": "hour", "24h": "day" })) {
      assert.equal(specOf(spelling), specOf(text));
    }
  });

  for (const [text, expected] of [
    ["7h", /^7h does not divide a day; expected 1h, 2h, 3h, 4h, 6h, 8h, 12h or 24h$/],
    ["90s", /^90s does not divide a minute; expected 1s/],
    ["120s", /does not divide a minute/],
    ["7m", /does not divide an hour/],
    ["48h", /does not divide a day/],
    ["0s", /^expected second, minute/],
    ["02s", /^expected second, minute/],
    ["-2s", /^expected second, minute/],
    ["2.5s", /^expected second, minute/],
    ["2d", /^expected second, minute/],
    ["Day", /^expected second, minute/],
    ["month@17", /^expected second, minute/],
    ["constructor", /^expected second, minute/],
    ["", /^expected second, minute/],
  ] as const) {
    it(`refuse "${text}"`, () => {
      const spec = parseWindowSpec(text);
      assert.ok("error" in spec);
      assert.match(spec.error, expected);
    });
  }

  it("under a minute count per region by default, others everywhere", () => {
    const regional = texts.filter((text) => defaultScope(specOf(text)) === "region");
    assert.deepEqual(
      regional.toSorted(),
      [...texts.filter((t) => /^\d+s$|^second$/.test(t))].toSorted(),
    );
  });

  it("state their length in seconds, a month as 30 days", () => {
    const lengths = ["second", "15m", "day", "week", "month", "month@key"].map((text) =>
      nominalSeconds(specOf(text)),
    );
    assert.deepEqual(lengths, [1, 900, 86_400, 604_800, 2_592_000, 2_592_000]);
  });
});

describe("window ids", () => {
  it("name a window and are read back as it", () => {
    fc.assert(
      fc.property(
        anySpec,
        anyInstant,
        anyAnchor,
        fc.constantFrom("", "sydney", "a", "eu-central-1", "x".repeat(32)),
        (spec, nowMs, anchor, region) => {
          const anchorDay = spec.kind === "month@key" ? anchor : 1;
          const window = { spec, ...bounds(spec, nowMs, anchorDay), anchorDay, region };
          assert.deepEqual(parseWindowId(windowId(window)), window);
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it("are written as the architecture says", () => {
    const id = (text: string, now: string, region = ""): string => {
      const spec = specOf(text);
      return windowId({ spec, ...bounds(spec, Date.parse(now), 17), anchorDay: 17, region });
    };
    const now = "2026-11-21T22:33:59Z";
    assert.equal(id("month", now), "month/2026-11-01T00:00:00Z");
    assert.equal(id("2s", now, "sydney"), "2s/2026-11-21T22:33:58Z/sydney");
    assert.equal(id("month@key", now), "month@17/2026-11-17T00:00:00Z");
  });

  for (const id of [
    "",
    "month",
    "month/",
    "month/2026-11-01",
    "month/2026-11-02T00:00:00Z",
    "month/2026-13-01T00:00:00Z",
    "month/2026-11-01T00:00:00Z/",
    "month/2026-11-01T00:00:00Z/Sydney",
    `month/2026-11-01T00:00:00Z/${"x".repeat(33)}`,
    "month/2026-11-01T00:00:00Z/a/b",
    "month/2026-11-01T00:00:00.000Z",
    "month/2026-11-01T24:00:00Z",
    "60s/2026-11-01T00:00:00Z",
    "7h/2026-11-01T00:00:00Z",
    "month@key/2026-11-01T00:00:00Z",
    "month@0/2026-11-01T00:00:00Z",
    "month@32/2026-11-01T00:00:00Z",
    "month@17/2026-11-18T00:00:00Z",
    "month@31/2026-11-01T00:00:00Z",
    "day/1969-12-31T00:00:00Z",
    "day/9999-01-01T00:00:00Z",
    " day/2026-11-01T00:00:00Z",
    "day/2026-11-01T00:00:00Z\n",
  ]) {
    it(`refuse ${JSON.stringify(id)}`, () => assert.equal(parseWindowId(id), undefined));
  }

  it("refuse any text that is not one without failing", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        assert.equal(parseWindowId(text), undefined);
      }),
    );
  });
});
