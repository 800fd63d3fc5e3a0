/** The regions on a map of the world: size is traffic, colour is health. */

import { land } from "virtual:land";
import { useEffect, useRef, useState } from "preact/hooks";
import type { LiveMomentJson } from "../../src/control/live-schemas.ts";
import { rate } from "../shared/format.ts";
import { routeTo } from "../shared/route.ts";
import { total } from "./history.ts";
import { layoutMap, type MapMark } from "./map-layout.ts";
import { mapHeight, mapWidth } from "./projection.ts";

type Region = LiveMomentJson["status"]["regions"][number];

interface RegionMapProps {
  readonly regions: readonly Region[];
  readonly rates: LiveMomentJson["rates"];
}

export function RegionMap({ regions, rates }: RegionMapProps) {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(720);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const resized = new ResizeObserver(() => setWidth(Math.max(240, element.clientWidth)));
    resized.observe(element);
    return () => resized.disconnect();
  }, []);
  const located = regions.flatMap(({ name, location }) =>
    location === null ? [] : [{ name, ...location, rate: total(rates[name]) }],
  );
  const elsewhere = regions.filter(({ location }) => location === null);
  const height = Math.round((width * mapHeight) / mapWidth);
  const marks = layoutMap(located, width);
  return (
    <div class="map" ref={place}>
      <svg
        class="map-land"
        width={width}
        height={height}
        viewBox={`0 0 ${width} ${height}`}
        aria-hidden="true"
      >
        <path d={land} transform={`scale(${width / mapWidth / 10})`} />
      </svg>
      <ul class="map-marks" aria-label="Regions on the map">
        {marks.map((mark) => (
          <li key={mark.name}>
            <Mark
              mark={mark}
              health={regions.find(({ name }) => name === mark.name)?.health ?? "down"}
              perSecond={total(rates[mark.name])}
            />
          </li>
        ))}
      </ul>
      {elsewhere.length > 0 && (
        <p class="map-note">
          Not on the map, for want of a <code>location</code>:{" "}
          {elsewhere.map(({ name }) => name).join(", ")}
        </p>
      )}
    </div>
  );
}

const healthText = { up: "up", degraded: "degraded", down: "down" } as const;

interface MarkProps {
  readonly mark: MapMark;
  readonly health: Region["health"];
  readonly perSecond: number;
}

function Mark({ mark, health, perSecond }: MarkProps) {
  const size = mark.radius * 2;
  const text = `${mark.name}: ${healthText[health]}, ${rate(perSecond)} calls a second`;
  return (
    <a
      class={`map-mark ${health} ${mark.anchor}`}
      href={routeTo(`/regions/${mark.name}`)}
      aria-label={text}
      title={text}
      style={{
        left: `${mark.x}px`,
        top: `${mark.y}px`,
        width: `${size}px`,
        height: `${size}px`,
      }}
    >
      {mark.isLabelShown && (
        <span
          class="map-label"
          style={{
            left: `${mark.labelX - mark.x + mark.radius}px`,
            top: `${mark.labelY - mark.y + mark.radius}px`,
          }}
        >
          {mark.name}
        </span>
      )}
    </a>
  );
}
