/**
 * The closing lines of node's test runner (`ℹ tests 12` … `ℹ duration_ms 340`), taken out of a
 * run's events and added up over several runs, so that a suite in phases ends with one summary.
 */

/** As `run()` of node:test emits them; only what is read here. */
export interface TestEvent {
  readonly type: string;
  readonly data: {
    readonly nesting?: number;
    readonly message?: string;
    readonly file?: string;
    readonly success?: boolean;
  };
}

const figure = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) (\d+(?:\.\d+)?)$/;

export function isSummaryLine({ type, data }: TestEvent): boolean {
  const isOfRun = type === "test:diagnostic" && data.nesting === 0 && data.file === undefined;
  return isOfRun && figure.test(data.message ?? "");
}

/** One summary for several runs: every figure the sum, in the order of the first. */
export function addSummaries(summaries: readonly (readonly TestEvent[])[]): TestEvent[] {
  const sums = new Map<string, { event: TestEvent; sum: number }>();
  for (const event of summaries.flat()) {
    const [, name = "", value = ""] = figure.exec(event.data.message ?? "") ?? [];
    const before = sums.get(name)?.sum ?? 0;
    sums.set(name, { event, sum: before + Number(value) });
  }
  return [...sums].map(([name, { event, sum }]) => ({
    type: event.type,
    data: { ...event.data, message: `${name} ${Number.isInteger(sum) ? sum : sum.toFixed(3)}` },
  }));
}
