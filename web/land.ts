/** The land of the map, drawn when the pages are built: `import { land } from "virtual:land"` is the path of an SVG. */

import { createRequire } from "node:module";
import type { Plugin } from "vite";
import { latitudeMax, latitudeMin, mapHeight, project } from "./dashboard/projection.ts";

/** Longitudes and latitudes. */
type Ring = readonly (readonly [number, number])[];

interface Geometry {
  readonly type: string;
  readonly coordinates: readonly (readonly (readonly (readonly [number, number])[])[])[];
}

interface Topojson {
  readonly feature: (
    topology: unknown,
    object: unknown,
  ) => { readonly features?: readonly { readonly geometry: Geometry }[] };
}

const virtual = "virtual:land";
/** Islands smaller than this many square units of the map (a thousand wide) are left out. */
const areaMin = 0.6;

export function landPlugin(): Plugin {
  return {
    name: "tallygate-land",
    resolveId: (id) => (id === virtual ? `\0${virtual}` : undefined),
    load: (id) => {
      if (id !== `\0${virtual}`) return undefined;
      return `export const land = ${JSON.stringify(landPath())};`;
    },
  };
}

function landPath(): string {
  const require = createRequire(import.meta.url);
  const atlas = require("world-atlas/land-110m.json") as { objects: { land: unknown } };
  const { feature } = require("topojson-client") as Topojson;
  const { features = [] } = feature(atlas, atlas.objects.land);
  const rings = features.flatMap(({ geometry }) => geometry.coordinates.flat());
  return rings.flatMap(cutAtDateLine).map(ringPath).join("");
}

/** A ring that crosses the date line, as two: what is east of it, and what is west. */
function cutAtDateLine(ring: Ring): readonly Ring[] {
  let shift = 0;
  let before: number | undefined;
  const whole = ring.map(([longitude, latitude]) => {
    if (before !== undefined && Math.abs(longitude - before) > 180) {
      shift += longitude < before ? 360 : -360;
    }
    before = longitude;
    return [longitude + shift, latitude] as const;
  });
  const part = (by: number): Ring =>
    whole.map(([x, y]) => [Math.max(-180, Math.min(180, x + by)), y] as const);
  const isWhole = whole.every(([x]) => x >= -180 && x <= 180);
  return isWhole ? [ring] : [part(0), part(360), part(-360)];
}

/** In tenths of the map's units, each point relative to the one before: half as long as absolute ones. */
function ringPath(ring: Ring): string {
  if (ring.every(([, latitude]) => latitude < latitudeMin)) return "";
  const points = ring.map(([longitude, latitude]) => {
    const inside = Math.max(latitudeMin, Math.min(latitudeMax + 6, latitude));
    return project(inside, longitude).map((value) => Math.round(value * 10)) as [number, number];
  });
  if (areaOf(points) < areaMin * 100 || points.every(([, y]) => y > mapHeight * 10)) return "";
  let [x, y] = points[0] ?? [0, 0];
  let path = `M${x} ${y}l`;
  for (const [nextX, nextY] of points.slice(1)) {
    if (nextX === x && nextY === y) continue;
    path += `${path.endsWith("l") ? "" : " "}${nextX - x} ${nextY - y}`;
    [x, y] = [nextX, nextY];
  }
  return `${path.replaceAll(" -", "-")}z`;
}

function areaOf(points: readonly (readonly [number, number])[]): number {
  let sum = 0;
  for (const [i, [x, y]] of points.entries()) {
    const [nextX, nextY] = points[(i + 1) % points.length] ?? [0, 0];
    sum += x * nextY - nextX * y;
  }
  return Math.abs(sum) / 2;
}
