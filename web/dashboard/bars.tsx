/** A ranking: names, numbers, and bars against the first. */

import type { ComponentChildren } from "preact";
import type { Tone } from "../shared/ui.tsx";

export interface BarRow {
  readonly key: string;
  readonly name: ComponentChildren;
  readonly value: number;
  readonly text: string;
  readonly tone?: Tone;
}

interface BarsProps {
  readonly label: string;
  readonly rows: readonly BarRow[];
  /** A full bar; the highest value without it. */
  readonly full?: number;
}

export function Bars({ label, rows, full }: BarsProps) {
  const whole = full ?? Math.max(...rows.map(({ value }) => value), 1);
  return (
    <ol class="bars" aria-label={label}>
      {rows.map(({ key, name, value, text, tone = "good" }) => (
        <li key={key}>
          <span class="bars-name">{name}</span>
          <span class="bars-value">{text}</span>
          <span class="bars-track" aria-hidden="true">
            {value > 0 && (
              <span
                class={`bars-bar ${tone}`}
                style={{ width: `${Math.min(100, (value / whole) * 100)}%` }}
              />
            )}
          </span>
        </li>
      ))}
    </ol>
  );
}
