import assert from "node:assert/strict";
import { test } from "node:test";
import { settle } from "../hub/testing/fake-time.ts";
import type { SavedPublicStatus } from "../ports/gateway-store.ts";
import { statusDocumentMaxBytes } from "../status/public-status.ts";
import { StatusCopy } from "./status-copy.ts";

const utf8 = new TextEncoder();

function bodyOf(copy: StatusCopy, nowMs: number): string {
  const body = copy.body(nowMs);
  return body === undefined ? "" : new TextDecoder().decode(body);
}

function fixture(saved?: SavedPublicStatus) {
  const kept = { saved, saves: 0, refused: 0, failure: undefined as Error | undefined };
  const copy = new StatusCopy({
    region: "sydney",
    store: {
      loadStatus: async () => kept.saved,
      saveStatus: async (status) => {
        kept.saves++;
        if (kept.failure !== undefined) throw kept.failure;
        kept.saved = status;
      },
    },
    log: { info() {}, warn: () => void kept.refused++, error: () => void kept.refused++ },
  });
  return { kept, copy };
}

test("there is nothing to serve until the hub has sent it", async () => {
  const { copy } = fixture();
  await copy.load();
  assert.equal(copy.body(0), undefined);
});

test("it is as old as the hub's last word, and goes on ageing without it", () => {
  const { copy } = fixture();
  copy.take(utf8.encode('{"state":"up"}'), 1_000);
  copy.confirmed(5_000);
  copy.confirmed(4_000);
  assert.equal(bodyOf(copy, 5_250), '{"servedBy":"sydney","ageMs":250,"state":"up"}');
  assert.match(bodyOf(copy, 65_000), /"ageMs":60000/);
});

test("it outlives a restart, and what the hub sends meanwhile is newer than what was saved", async () => {
  const first = fixture();
  first.copy.take(utf8.encode('{"n":1}'), 1_000);
  await settle();
  const again = fixture(first.kept.saved);
  await again.copy.load();
  assert.equal(bodyOf(again.copy, 3_000), '{"servedBy":"sydney","ageMs":2000,"n":1}');
  const raced = fixture(first.kept.saved);
  raced.copy.take(utf8.encode('{"n":2}'), 2_000);
  await raced.copy.load();
  assert.match(bodyOf(raced.copy, 2_000), /"n":2/);
});

const refused: readonly [string, Uint8Array][] = [
  ["no JSON", utf8.encode("{nonsense")],
  ["no object", utf8.encode("[1]")],
  ["an empty object", utf8.encode("{}")],
  ["no UTF-8", Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)],
  ["nothing", new Uint8Array(0)],
  ["too long", utf8.encode(`{"a":"${"x".repeat(statusDocumentMaxBytes)}"}`)],
];
for (const [what, payload] of refused) {
  test(`a document that is ${what} is left aside`, () => {
    const { copy, kept } = fixture();
    copy.take(utf8.encode('{"n":1}'), 1_000);
    copy.take(payload, 2_000);
    assert.equal(bodyOf(copy, 1_000), '{"servedBy":"sydney","ageMs":0,"n":1}');
    assert.equal(kept.refused, 1);
  });
}

test("a disk that takes nothing keeps nobody from serving it", async () => {
  const { copy, kept } = fixture();
  kept.failure = new Error("full");
  copy.take(utf8.encode('{"n":1}'), 1_000);
  await settle();
  assert.equal(kept.refused, 1);
  kept.failure = undefined;
  copy.take(utf8.encode('{"n":2}'), 2_000);
  await settle();
  assert.equal(kept.saved?.text, '{"n":2}');
});

test("who asks at the same time gets the same bytes; a newer document is served at once", () => {
  const { copy } = fixture();
  copy.take(utf8.encode('{"n":1}'), 1_000);
  assert.equal(copy.body(1_010), copy.body(1_209));
  assert.notEqual(copy.body(1_210), copy.body(1_410));
  copy.take(utf8.encode('{"n":2}'), 1_411);
  assert.match(bodyOf(copy, 1_411), /"n":2/);
});
