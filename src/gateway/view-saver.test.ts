import assert from "node:assert/strict";
import { test } from "node:test";
import { producerKey } from "../base/words.ts";
import { WindowTables } from "../limits/window-tables.ts";
import type { GatewayStore, ViewDelta } from "../ports/gateway-store.ts";
import { OwnCharges } from "./own-charges.ts";
import { RegionView } from "./region-view.ts";
import { ViewSaver } from "./view-saver.ts";

const noLog = { info: () => {}, warn: () => {}, error: () => {} };
const me = "a".repeat(32);
const key = producerKey(me, "i1");

function fixture(saveView: (delta: ViewDelta) => Promise<void>) {
  const view = new RegionView({ region: "sydney", producer: me }, new OwnCharges());
  view.restore({ version: { epoch: 5, position: 10 }, watermarks: [[key, 8]], asOfMs: 77 });
  return { view, saver: new ViewSaver({ saveView } as GatewayStore, view, noLog) };
}

test("a view that did not change is saved once", async () => {
  const saves: ViewDelta[] = [];
  const { saver } = fixture(async (delta) => void saves.push(delta));
  await saver.save();
  await saver.save();
  assert.equal(saves.length, 1);
  assert.equal(saves[0]?.asOfMs, 77);
});

test("a view of a higher epoch is saved even where its position is that of the old one", async () => {
  const saves: ViewDelta[] = [];
  const { view, saver } = fixture(async (delta) => void saves.push(delta));
  await saver.save();
  assert.equal(saver.saved.get(key), 8);
  // The hub was restored from a backup that ends where the saved view does, but folded less of this producer.
  view.install({
    tables: new WindowTables("sydney"),
    own: new OwnCharges(),
    version: { epoch: 6, position: 10 },
    watermarks: new Map([[key, 3]]),
    asOfMs: 0,
  });
  await saver.save();
  assert.deepEqual(saves.at(-1)?.version, { epoch: 6, position: 10 });
  assert.equal(saver.saved.get(key), 3, "the trimmer goes by this");
});

test("what a failed save held is in the next one", async () => {
  let fails = true;
  const saves: ViewDelta[] = [];
  const { saver } = fixture(async (delta) => {
    if (fails) throw new Error("disk full");
    saves.push(delta);
  });
  await saver.save();
  assert.equal(saver.saved.size, 0);
  fails = false;
  await saver.save();
  assert.equal(saves[0]?.replace, true);
});
