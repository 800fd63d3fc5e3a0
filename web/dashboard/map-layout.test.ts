import assert from "node:assert/strict";
import { test } from "node:test";
import { layoutMap, radiusOf } from "./map-layout.ts";
import { mapHeight, mapWidth, project } from "./projection.ts";

const frankfurt = { name: "frankfurt", latitude: 50.11, longitude: 8.68, rate: 10 };
const amsterdam = { name: "amsterdam", latitude: 52.37, longitude: 4.9, rate: 40 };
const london = { name: "london", latitude: 51.51, longitude: -0.13, rate: 0 };
const auckland = { name: "auckland", latitude: -36.85, longitude: 174.76, rate: 5 };

test("the equator's middle is the map's, north is up, east is right", () => {
  const [x, y] = project(0, 0);
  assert.equal(x, mapWidth / 2);
  assert.ok(y > 0 && y < mapHeight);
  assert.ok(project(50, 0)[1] < y);
  assert.ok(project(0, 100)[0] > x);
});

test("no name lies on another name or mark, and none leaves the map", () => {
  for (const width of [320, 700, 1_400]) {
    const marks = layoutMap([frankfurt, amsterdam, london, auckland], width);
    const shown = marks.filter(({ isLabelShown }) => isLabelShown);
    const boxes = shown.map(({ name, labelX, labelY, anchor }) => {
      const size = name.length * 7.2;
      const left = labelX - (anchor === "start" ? 0 : anchor === "end" ? size : size / 2);
      return { name, left, right: left + size, top: labelY - 7, bottom: labelY + 7 };
    });
    for (const a of boxes) {
      assert.ok(a.left >= 0 && a.right <= width, `${a.name} at ${width}`);
      for (const b of boxes) {
        if (a.name >= b.name) continue;
        const isApart =
          a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
        assert.ok(isApart, `${a.name} and ${b.name} at ${width}`);
      }
    }
  }
});

test("a mark's size says its traffic, and a region without any has a mark too", () => {
  assert.equal(radiusOf(0, 0), radiusOf(0, 100));
  assert.ok(radiusOf(100, 100) > radiusOf(50, 100));
});
