/** Lines or bars over time, drawn by uPlot in the theme's colours, with the same numbers as a table for who cannot see them. */

import "uplot/dist/uPlot.min.css";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import UPlot from "uplot";
import { brief, instant } from "./format.ts";
import { themeEvent } from "./theme.ts";

/** Colour and order: the first is drawn at the bottom of a stack. */
export interface Series {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** Of the tokens `--series-N`; by position without it. */
  readonly color?: 1 | 2 | 3 | 4 | 5 | 6;
}

interface ChartProps {
  /** One sentence: what is to be seen. */
  readonly label: string;
  /** Epoch milliseconds, ascending. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  readonly kind?: "line" | "bars";
  /** Sums of all series up to each, as areas or bars on top of one another. */
  readonly stacked?: boolean;
  readonly format?: (value: number) => string;
  /** What is read under the pointer, and in the table. */
  readonly formatTime?: (ms: number) => string;
  /** Labels of the axis, shorter. */
  readonly formatAxis?: (ms: number) => string;
  readonly onPick?: ((ms: number) => void) | undefined;
}

const tableRowsMax = 48;

export function Chart(props: ChartProps) {
  const { label, times, series, format = brief, formatTime = instant } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot>(undefined);
  const id = useId();
  const [hovered, setHovered] = useState<number>();
  const [themes, setThemes] = useState(0);
  const shape = `${series.map(({ name, color }) => `${name}${color ?? ""}`).join("\n")}|${props.kind}|${props.stacked}|${themes}`;
  const data = dataOf(props);
  const latest = useRef({ props, data });
  latest.current = { props, data };

  useEffect(() => {
    const changed = (): void => setThemes((n) => n + 1);
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", changed);
    document.addEventListener(themeEvent, changed);
    return () => {
      system.removeEventListener("change", changed);
      document.removeEventListener(themeEvent, changed);
    };
  }, []);

  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const made = new UPlot(
      optionsOf(latest.current.props, element, setHovered),
      latest.current.data,
      element,
    );
    plot.current = made;
    const pick = (): void => {
      const at = made.cursor.idx;
      const time = at === null || at === undefined ? undefined : latest.current.props.times[at];
      if (time !== undefined) latest.current.props.onPick?.(time);
    };
    made.over.addEventListener("click", pick);
    const resized = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height: element.clientHeight });
    });
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [shape]);

  useEffect(() => {
    plot.current?.setData(latest.current.data);
  }, [times, series]);

  const at = hovered !== undefined && hovered < times.length ? hovered : undefined;
  const shown = times.slice(-tableRowsMax).map((ms, i, all) => ({
    ms,
    at: times.length - all.length + i,
  }));
  return (
    <figure class="chart">
      <ul class="chart-legend" aria-hidden="true">
        {series.map(({ name, values, color }, i) => (
          <li key={name}>
            <span class={`chart-key s${color ?? (i % 6) + 1}`} />
            {name}
            {at !== undefined && <span class="chart-value">{valueText(values[at], format)}</span>}
          </li>
        ))}
        {at !== undefined && <li class="num">{formatTime(times[at] ?? 0)}</li>}
      </ul>
      <div
        class={props.onPick === undefined ? "chart-plot" : "chart-plot pickable"}
        ref={place}
        role="img"
        aria-label={label}
        aria-describedby={id}
      />
      <div class="visually-hidden">
        <table id={id}>
          <caption>{label}</caption>
          <thead>
            <tr>
              <th scope="col">Time</th>
              {series.map(({ name }) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={row.ms}>
                <th scope="row">{formatTime(row.ms)}</th>
                {series.map(({ name, values }) => (
                  <td key={name}>{valueText(values[row.at], format)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </figure>
  );
}

function valueText(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? "–" : format(value);
}

/** In uPlot's form, with sums where series are stacked. Its times are seconds. */
function dataOf({ times, series, stacked = false }: ChartProps): UPlot.AlignedData {
  const columns: (number | null)[][] = [];
  for (const [index, { values }] of series.entries()) {
    const below = stacked && index > 0 ? columns[index - 1] : undefined;
    columns.push(
      times.map((_, at) => {
        const value = values[at] ?? null;
        return below === undefined ? value : (value ?? 0) + (below[at] ?? 0);
      }),
    );
  }
  // The highest is drawn first, so that the lower ones lie on top of it.
  const order = stacked ? columns.toReversed() : columns;
  return [times.map((ms) => ms / 1_000), ...order] as UPlot.AlignedData;
}

type OnHover = (index: number | undefined) => void;

function optionsOf(props: ChartProps, element: HTMLElement, onHover: OnHover): UPlot.Options {
  const { series, kind = "line", stacked = false, format = brief, formatTime = instant } = props;
  const { formatAxis = formatTime } = props;
  const style = getComputedStyle(element);
  // A canvas knows no light-dark(): the colour as the browser has resolved it.
  const probe = document.createElement("span");
  element.append(probe);
  const resolved = (color: string): string => {
    probe.style.color = color;
    return getComputedStyle(probe).color;
  };
  const colorOf = (name: string): string => resolved(`var(${name})`);
  // Opaque: in a stack the lower ones lie on the higher, and must not mix with them.
  const tintOf = (name: string): string =>
    resolved(`color-mix(in srgb, var(${name}) 38%, var(--surface))`);
  const lines = series.map(({ name, color }, i): UPlot.Series => {
    const token = `--series-${color ?? (i % 6) + 1}`;
    const stroke = colorOf(token);
    const isFilled = stacked || kind === "bars";
    return {
      label: name,
      stroke,
      width: kind === "bars" ? 0 : 1.5,
      ...(isFilled ? { fill: kind === "bars" ? stroke : tintOf(token) } : {}),
      ...(kind === "bars" && UPlot.paths.bars !== undefined
        ? { paths: UPlot.paths.bars({ size: [0.72, 40] }) }
        : {}),
      points: { show: false },
    };
  });
  const axis: UPlot.Axis = {
    stroke: colorOf("--ink-faint"),
    grid: { stroke: colorOf("--line"), width: 1 },
    ticks: { show: false },
    font: `12px ${style.fontFamily}`,
    size: 28,
  };
  const options: UPlot.Options = {
    width: Math.max(element.clientWidth, 200),
    height: Math.max(element.clientHeight, 120),
    series: [{}, ...(stacked ? lines.toReversed() : lines)],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { setScale: false } },
    scales: {
      x: {
        time: true,
        range: (_plot, min, max) =>
          kind === "bars" ? padded(props.times, { min, max }) : [min, max],
      },
      y: { range: (_plot, _min, max) => [0, niceMax(max)] },
    },
    tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1_000), "Etc/UTC"),
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 70,
        values: (_p, at) => at.map((s) => formatAxis(s * 1_000)),
      },
      { ...axis, size: 48, values: (_p, at) => at.map((value) => format(value)) },
    ],
    hooks: { setCursor: [({ cursor }) => onHover(cursor.idx ?? undefined)] },
    padding: [8, 20, 0, 0],
  };
  probe.remove();
  return options;
}

/** Half a bar more on both sides, in uPlot's seconds. */
function padded(
  times: readonly number[],
  { min, max }: { min: number; max: number },
): UPlot.Range.MinMax {
  const [first = 0, second = first + 3_600_000] = times;
  const half = (second - first) / 2_000;
  return [min - half, max + half];
}

/** An axis from zero, with air above the highest value. */
function niceMax(max: number | null): number {
  return max === null || max <= 0 ? 10 : max * 1.08;
}
