/** 90 days of one region, a bar for each: green as far as it answered, and the worse the day the more of the bar is not. */

import { useState } from "preact/hooks";
import type { PublicRegion } from "../../src/status/public-status.ts";
import { milliseconds } from "../shared/format.ts";
import { dayText, periodTimes, share } from "./words.ts";

const dayMs = 86_400_000;
const height = 32;
/** Of one day: bar and gap, in the drawing's own units. */
const step = 8;
const width = 6;

/** How much of a bar is not green, and in which colour: told apart by height as well. */
function missing(availability: number): { readonly part: number; readonly tone: "warn" | "bad" } {
  if (availability >= 0.9999) return { part: 0, tone: "warn" };
  if (availability >= 0.999) return { part: 0.25, tone: "warn" };
  if (availability >= 0.99) return { part: 0.5, tone: "warn" };
  return { part: availability >= 0.9 ? 0.75 : 1, tone: "bad" };
}

export function Strip({ region }: { readonly region: PublicRegion }) {
  const { name, days } = region;
  const [at, setAt] = useState<number>();
  const times = periodTimes(days.from, days.availability.length, dayMs);
  const count = times.length;
  const point = (event: PointerEvent): void => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const place = Math.floor(((event.clientX - box.left) / box.width) * count);
    setAt(Math.min(Math.max(place, 0), count - 1));
  };
  return (
    <div class="strip">
      <svg
        class="strip-bars"
        viewBox={`0 0 ${count * step - (step - width)} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={summary(region, times)}
        onPointerMove={point}
        onPointerDown={point}
        onPointerLeave={() => setAt(undefined)}
      >
        {days.availability.map((availability, i) => (
          <Bar key={times[i]} x={i * step} availability={availability} isPointed={i === at} />
        ))}
      </svg>
      <div class="strip-foot small soft" aria-hidden="true">
        {at === undefined ? (
          <>
            <span>{`${count} days ago`}</span>
            <span>Today</span>
          </>
        ) : (
          <span>{`${dayText(times[at] ?? 0)}: ${dayFigures(region, at)}`}</span>
        )}
      </div>
      <span class="visually-hidden">{`Availability of ${name} by day, UTC.`}</span>
    </div>
  );
}

interface BarProps {
  readonly x: number;
  readonly availability: number | null;
  readonly isPointed: boolean;
}

function Bar({ x, availability, isPointed }: BarProps) {
  const pointed = isPointed ? " pointed" : "";
  if (availability === null) {
    return <rect class={`bar none${pointed}`} x={x} y={0} width={width} height={height} />;
  }
  const { part, tone } = missing(availability);
  const lost = height * part;
  return (
    <g class={`bar${pointed}`}>
      {part < 1 && <rect class="good" x={x} y={lost} width={width} height={height - lost} />}
      {part > 0 && <rect class={tone} x={x} y={0} width={width} height={lost} />}
    </g>
  );
}

function dayFigures({ days }: PublicRegion, at: number): string {
  const [availability = null, p50 = null, p95 = null] = [
    days.availability[at],
    days.p50Ms[at],
    days.p95Ms[at],
  ];
  if (availability === null) return "nobody looked";
  if (p50 === null || p95 === null) return share(availability);
  return `${share(availability)}, p50 ${milliseconds(p50)}, p95 ${milliseconds(p95)}`;
}

/** What the drawing shows, in words: all that was less than whole, the newest ten of it. */
function summary({ name, availability, days }: PublicRegion, times: readonly number[]): string {
  const ill = days.availability.flatMap((one, i) =>
    one === null || one >= 0.9999 ? [] : [`${dayText(times[i] ?? 0)} ${share(one)}`],
  );
  const whole = `${name}: ${share(availability)} of the last ${times.length} days.`;
  if (ill.length === 0) return whole;
  return `${whole} Less than whole on ${ill.length}: ${ill.slice(-10).join(", ")}.`;
}
