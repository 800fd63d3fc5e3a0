import assert from "node:assert/strict";
import { test } from "node:test";
import { TallygateError } from "../base/errors.ts";
import { storedIncident } from "../conformance/status-store.ts";
import { incidentsMax, openIncidentsMax, updatesPerIncidentMax } from "../status/incident.ts";
import { IncidentBook, type IncidentDraft } from "./incident-book.ts";
import { fakeRandom } from "./testing/fake-time.ts";
import { emptyStatus, memoryStatusStore } from "./testing/memory-status.ts";

const draft: IncidentDraft = {
  ...{ regions: [], impact: "maintenance", title: "Work on the cables" },
  ...{ startedAtMs: 1_000, endedAtMs: 0, phase: "planned", text: "Tonight." },
};

function fixture(incidents = [storedIncident("aaaaaaaaaaaaaaaa")]) {
  const kept = emptyStatus();
  const rig = { kept, nowMs: 10_000, failure: undefined as Error | undefined, changes: 0 };
  const book = new IncidentBook({
    store: memoryStatusStore(kept, { fails: () => rig.failure }),
    ...{ random: fakeRandom(), log: { info() {}, warn() {}, error() {} }, incidents },
    timeMs: () => rig.nowMs,
    onChanged: () => void rig.changes++,
  });
  return { rig, book };
}

const isCode = (code: string) => (error: unknown) =>
  error instanceof TallygateError && error.code === code;

test("what the operator writes is stored and shown, and keeps its name over changes", async () => {
  const { rig, book } = fixture([]);
  const made = await book.open(draft);
  assert.match(made.id, /^[0-9a-f]{16}$/);
  const changed = await book.change(made.id, 1, { title: "Work", hidden: true });
  assert.deepEqual(
    [changed.id, changed.title, changed.hidden, changed.version],
    [made.id, "Work", true, 2],
  );
  const ended = await book.addUpdate(made.id, 2, { phase: "resolved", text: "Done." });
  assert.deepEqual([ended.endedAtMs, ended.updates.length], [10_000, 2]);
  assert.deepEqual(rig.kept.incidents.get(made.id), ended);
  assert.equal(rig.changes, 3);
});

test("a change for another version, of nothing, or that ends before it begins is refused", async () => {
  const { book } = fixture();
  const id = "aaaaaaaaaaaaaaaa";
  assert.throws(() => book.change(id, 7, { title: "x" }), isCode("changed-meanwhile"));
  assert.throws(() => book.change("b", undefined, { title: "x" }), isCode("not-found"));
  await assert.rejects(book.change(id, 1, { endedAtMs: 999 }), isCode("request-invalid"));
  assert.throws(() => book.open({ ...draft, endedAtMs: 1 }), isCode("request-invalid"));
  assert.equal(book.get(id)?.version, 1);
});

test("what cannot be stored is as if it had not been asked for", async () => {
  const { rig, book } = fixture();
  rig.failure = new TallygateError("status-failed", "full");
  const id = "aaaaaaaaaaaaaaaa";
  await assert.rejects(book.change(id, 1, { title: "x" }), isCode("status-failed"));
  await assert.rejects(book.open(draft), isCode("status-failed"));
  assert.deepEqual(
    book.all().map(({ title, version }) => `${title} ${version}`),
    ["sydney does not answer 1"],
  );
});

test("changes that come at one time build on each other, and so does the end that probes see", async () => {
  const { rig, book } = fixture();
  const id = "aaaaaaaaaaaaaaaa";
  const title = book.change(id, undefined, { title: "A cable is broken" });
  book.well("sydney", { state: "up", sinceMs: 9_000, why: "" }, 10_000);
  const impact = book.change(id, undefined, { impact: "degraded" });
  await Promise.all([title, impact]);
  await book.settled();
  const stored = rig.kept.incidents.get(id);
  assert.deepEqual(
    [stored?.title, stored?.impact, stored?.endedAtMs],
    ["A cable is broken", "degraded", 9_000],
  );
});

test("a worse outage is told anew, and keeps the title that the operator gave it", async () => {
  const { book } = fixture([]);
  const cutOff = { state: "degraded", sinceMs: 2_000, why: "cut-off" } as const;
  const down = { state: "down", sinceMs: 5_000, why: "unreachable" } as const;
  for (const region of ["sydney", "seoul"]) book.failing(region, cutOff, 4_000);
  const [one, other] = book.all();
  await book.addUpdate(one?.id ?? "", undefined, { phase: "identified", text: "A cable." });
  await book.change(one?.id ?? "", undefined, { title: "A cable is broken" });
  for (const region of ["sydney", "seoul"]) book.failing(region, down, 6_000);
  assert.deepEqual(
    [book.get(one?.id ?? ""), book.get(other?.id ?? "")].map((i) => [
      i?.title,
      i?.impact,
      i?.startedAtMs,
    ]),
    [
      ["A cable is broken", "down", 2_000],
      [`${other?.outageOf} does not answer`, "down", 2_000],
    ],
  );
});

test("an outage that ended cannot be opened again beside another of its region", async () => {
  const ended = storedIncident("bbbbbbbbbbbbbbbb", { endedAtMs: 2_000 });
  const { book } = fixture([storedIncident("aaaaaaaaaaaaaaaa"), ended]);
  await assert.rejects(book.change(ended.id, 1, { endedAtMs: 0 }), isCode("request-invalid"));
});

test("of all incidents the oldest that are over go; those that go on are bounded when they are made", async () => {
  const many = Array.from({ length: incidentsMax }, (_, i) =>
    storedIncident(i.toString(16).padStart(16, "0"), {
      ...{ outageOf: "", startedAtMs: 1_000 + i, endedAtMs: 9_000 },
    }),
  );
  const { rig, book } = fixture(many);
  for (const { id } of many) rig.kept.incidents.set(id, storedIncident(id));
  for (let i = 0; i < openIncidentsMax; i++) await book.open(draft);
  assert.throws(() => book.open(draft), isCode("too-busy"));
  assert.equal(book.all().length, incidentsMax);
  assert.equal(rig.kept.incidents.size, incidentsMax);
  assert.equal(book.get(many[0]?.id ?? ""), undefined);
  assert.ok(book.get(many[openIncidentsMax]?.id ?? "") !== undefined);
});

test("of an incident's updates the first and the newest are kept", async () => {
  const { book } = fixture();
  const id = "aaaaaaaaaaaaaaaa";
  for (let i = 1; i <= updatesPerIncidentMax; i++) {
    await book.addUpdate(id, undefined, { phase: "monitoring", text: `${i}` });
  }
  const texts = book.get(id)?.updates.map(({ text }) => text) ?? [];
  assert.equal(texts.length, updatesPerIncidentMax);
  assert.deepEqual([texts[0], texts[1], texts.at(-1)], ["„ö“ <b>&\n", "2", "50"]);
});
