/** Equal Earth (Šavrič, Patterson, Jenny 2018): areas keep their size. Used at build time for the land, at run time for regions. */

const a1 = 1.340264;
const a2 = -0.081106;
const a3 = 0.000893;
const a4 = 0.003796;
const m = Math.sqrt(3) / 2;

/** What the map shows: nobody runs a region further north or south. */
export const latitudeMax = 76;
export const latitudeMin = -56;

export const mapWidth = 1_000;

type Point = readonly [x: number, y: number];

function raw(latitude: number, longitude: number): Point {
  const lambda = (longitude * Math.PI) / 180;
  const theta = Math.asin(m * Math.sin((latitude * Math.PI) / 180));
  const t2 = theta * theta;
  const t6 = t2 * t2 * t2;
  const x = (lambda * Math.cos(theta)) / (m * (a1 + 3 * a2 * t2 + t6 * (7 * a3 + 9 * a4 * t2)));
  const y = theta * (a1 + a2 * t2 + t6 * (a3 + a4 * t2));
  return [x, -y];
}

const [right] = raw(0, 180);
const [, top] = raw(latitudeMax, 0);
const [, bottom] = raw(latitudeMin, 0);
const scale = mapWidth / (2 * right);

export const mapHeight: number = Math.round((bottom - top) * scale);

/** Degrees → a place in `mapWidth` × `mapHeight`. */
export function project(latitude: number, longitude: number): Point {
  const [x, y] = raw(latitude, longitude);
  return [(x + right) * scale, (y - top) * scale];
}
