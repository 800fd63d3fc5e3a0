/** The demo's live table of the regions: redrawn in place once a second, only on a terminal. */

import { callControl } from "../src/cli/control-client.ts";
import { printChildLine } from "../src/cli/dev-command.ts";
import type { DevState } from "../src/cli/dev-state.ts";
import { grouped, shortMs, tableLines } from "../src/cli/output.ts";
import type { StatusJson } from "../src/control/status-schemas.ts";

const redrawMs = 1_000;

export interface RegionTable {
  /** Shows a line of a child above the table. */
  show(name: string, line: string): void;
  stop(): void;
}

export function showRegions(state: DevState): RegionTable {
  const { stdout } = process;
  if (!stdout.isTTY) return { show: printChildLine, stop: () => {} };
  let drawnLines = 0;
  let isAsking = false;
  let isStopped = false;

  const erase = (): void => {
    if (drawnLines > 0) stdout.write(`\x1b[${drawnLines}A\x1b[J`);
    drawnLines = 0;
  };
  const draw = (lines: readonly string[]): void => {
    erase();
    // A terminal that does not know its size says 0.
    const width = stdout.columns || 80;
    const height = stdout.rows || 24;
    // A wrapped line would be two on the screen and one for the next erase.
    const visible = lines.slice(0, height - 1).map((line) => line.slice(0, width));
    stdout.write(visible.map((line) => `${line}\n`).join(""));
    drawnLines = visible.length;
  };
  const redraw = async (): Promise<void> => {
    if (isAsking) return;
    isAsking = true;
    try {
      const plane = { url: state.hub.url, token: state.token };
      const [status, ages] = await Promise.all([
        callControl<StatusJson>(plane, { path: "/v1/status" }),
        viewAges(state),
      ]);
      if (!isStopped) draw(statusLines(status, ages));
    } catch {
      if (!isStopped) draw(["the hub does not answer; the regions go on"]);
    } finally {
      isAsking = false;
    }
  };
  void redraw();
  const timer = setInterval(() => void redraw(), redrawMs);
  return {
    show(name, line) {
      erase();
      printChildLine(name, line);
    },
    stop() {
      isStopped = true;
      clearInterval(timer);
    },
  };
}

const metricsMsMax = 800;

/** Milliseconds by region, from each one's metrics; a region that does not answer is left out. */
async function viewAges(state: DevState): Promise<ReadonlyMap<string, number>> {
  const ages = new Map<string, number>();
  const read = async (region: string, operations: string): Promise<void> => {
    const signal = AbortSignal.timeout(metricsMsMax);
    const text = await fetch(`${operations}/metrics`, { signal }).then((reply) => reply.text());
    const seconds = /^tallygate_view_age_seconds(?:\{[^}]*\})? (\S+)$/m.exec(text)?.[1];
    if (seconds !== undefined) ages.set(region, Number(seconds) * 1_000);
  };
  const regions = Object.entries(state.regions);
  await Promise.allSettled(regions.map(([name, { operations }]) => read(name, operations)));
  return ages;
}

const right = "right" as const;
const columns = [
  { title: "region" },
  { title: "health" },
  { title: "calls/s", align: right },
  { title: "view age", align: right },
  { title: "lag p50", align: right },
  { title: "lag p99", align: right },
  { title: "unacknowledged", align: right },
  { title: "journal" },
];

export function statusLines(status: StatusJson, ages: ReadonlyMap<string, number>): string[] {
  const rows = status.regions.flatMap(({ name, health, processes }) =>
    processes.length === 0
      ? [[name, health]]
      : processes.map((process) => [
          processes.length === 1 ? name : `${name}/${process.process}`,
          health,
          process.callsPerSecond.toFixed(0),
          shortAge(ages.get(name)),
          shortMs(process.lagP50Ms),
          shortMs(process.lagP99Ms),
          grouped(process.unacknowledgedUnits),
          process.journalState,
        ]),
  );
  const { stream, registry, counters } = status;
  return [
    ...tableLines(columns, rows),
    "",
    `${grouped(registry.keys)} keys, ${grouped(counters)} counters, ${grouped(stream.last)} records in the stream`,
  ];
}

function shortAge(ms: number | undefined): string {
  return ms === undefined ? "?" : shortMs(ms);
}
