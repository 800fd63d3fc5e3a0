/** Where the regions' marks and names stand on the map, so that no name lies on another. Pure; in pixels. */

import { mapHeight, mapWidth, project } from "./projection.ts";

export interface MapRegion {
  readonly name: string;
  readonly latitude: number;
  readonly longitude: number;
  /** Calls a second: the size of the mark. */
  readonly rate: number;
}

export interface MapMark {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly labelX: number;
  readonly labelY: number;
  readonly anchor: "start" | "middle" | "end";
  /** Too many in one place: the mark stands alone. */
  readonly isLabelShown: boolean;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const labelHeight = 15;
const characterWidth = 7.2;
const gap = 5;
const radiusMin = 4.5;
const radiusMax = 16;

/** Area by traffic, against the busiest region. */
export function radiusOf(rate: number, rateMax: number): number {
  if (rateMax <= 0) return radiusMin;
  return radiusMin + (radiusMax - radiusMin) * Math.sqrt(rate / rateMax);
}

export function layoutMap(regions: readonly MapRegion[], width: number): MapMark[] {
  const scale = width / mapWidth;
  const height = mapHeight * scale;
  const rateMax = Math.max(...regions.map(({ rate }) => rate), 0);
  const placed = regions.map((region) => {
    const [x, y] = project(region.latitude, region.longitude);
    return { region, x: x * scale, y: y * scale, radius: radiusOf(region.rate, rateMax) };
  });
  const taken: Box[] = placed.map(({ x, y, radius }) => ({
    left: x - radius,
    top: y - radius,
    right: x + radius,
    bottom: y + radius,
  }));
  // The order must not change with the traffic, or names would jump.
  return placed.map(({ region, x, y, radius }, i) => {
    const labelWidth = region.name.length * characterWidth;
    const places = [
      { anchor: "start", labelX: x + radius + gap, labelY: y },
      { anchor: "end", labelX: x - radius - gap, labelY: y },
      { anchor: "middle", labelX: x, labelY: y + radius + gap + labelHeight / 2 },
      { anchor: "middle", labelX: x, labelY: y - radius - gap - labelHeight / 2 },
    ] as const;
    const others = taken.filter((_, other) => other !== i);
    const found = places.find((place) => {
      const box = boxOf(place, labelWidth);
      const isInside = box.left >= 0 && box.right <= width && box.top >= 0 && box.bottom <= height;
      return isInside && !others.some((other) => overlap(box, other));
    });
    const place = found ?? places[0];
    if (found !== undefined) taken.push(boxOf(found, labelWidth));
    return { name: region.name, x, y, radius, ...place, isLabelShown: found !== undefined };
  });
}

function boxOf(
  place: { readonly anchor: string; readonly labelX: number; readonly labelY: number },
  labelWidth: number,
): Box {
  const { anchor, labelX, labelY } = place;
  const left =
    anchor === "start" ? labelX : anchor === "end" ? labelX - labelWidth : labelX - labelWidth / 2;
  return {
    left,
    top: labelY - labelHeight / 2,
    right: left + labelWidth,
    bottom: labelY + labelHeight / 2,
  };
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
