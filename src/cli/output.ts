/** What commands print: tables and facts for people, one JSON document for programs. */

export function print(line = ""): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2));
}

export interface Column {
  readonly title: string;
  /** Numbers stand to the right. */
  readonly align?: "right";
}

/** Lines of a table; no line is longer than its cells need. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string[] {
  const lines = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, i) => Math.max(...lines.map((cells) => width(cells[i] ?? ""))));
  return lines.map((cells) =>
    columns
      .map(({ align }, i) => {
        const cell = printable(cells[i] ?? "");
        const space = " ".repeat((widths[i] ?? 0) - width(cell));
        return align === "right" ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd(),
  );
}

/** Lines of `name  value`. */
export function factLines(facts: readonly (readonly [string, string])[]): string[] {
  const nameWidth = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${name.padEnd(nameWidth)}  ${printable(value)}`);
}

/** Names come from elsewhere: what could steer a terminal is shown as a question mark. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, "?");
}

function width(text: string): number {
  return [...text].length;
}

/** `2026-11-21 22:33:58Z`; "never" for none. */
export function shortInstant(text: string | null): string {
  if (text === null) return "never";
  return text.replace("T", " ").replace(/(\.\d+)?Z$/, "Z");
}

export function shortBytes(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

export function shortMs(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return `${Math.round(ms / 3_600_000)} h`;
}

export function grouped(value: number): string {
  return value.toLocaleString("en-US");
}
