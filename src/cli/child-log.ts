/**
 * What `dev` shows of its children's output: warnings and errors of their logs as short text, and
 * whatever is not a log line, because a process that cannot log has something to say.
 */

/** Characters of a line, at most; the rest is cut. */
const lineLengthMax = 2_000;

/** Fields that every line has or that say nothing on a terminal. */
const dull = new Set(["level", "time", "message", "component", "region", "process", "error"]);

/** The text to show for a line of a child; undefined: nothing. */
export function childLine(line: string): string | undefined {
  const text = line.trimEnd().slice(0, lineLengthMax);
  if (text === "") return undefined;
  const entry = parseEntry(text);
  if (entry === undefined) return text;
  const { level, message } = entry;
  if (level === "info" || level === "debug" || level === "trace") return undefined;
  const facts = Object.entries(entry)
    .filter(([name, value]) => !dull.has(name) && typeof value !== "object")
    .map(([name, value]) => `${name}=${String(value)}`);
  const cause = errorMessage(entry["error"]);
  return [`${String(level)}:`, String(message), ...facts, ...(cause === "" ? [] : [`(${cause})`])]
    .join(" ")
    .slice(0, lineLengthMax);
}

function parseEntry(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    const entry = JSON.parse(text) as Record<string, unknown>;
    return "level" in entry && "message" in entry ? entry : undefined;
  } catch {
    return undefined;
  }
}

function errorMessage(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  if (!("message" in error)) return "";
  const place = "stack" in error ? firstFrame(String(error.stack)) : "";
  return `${String(error.message)}${place === "" ? "" : `, ${place}`}`;
}

/** `at file:///…/lookup.ts:3:38`: where whoever writes a handler looks first. */
function firstFrame(stack: string): string {
  const frame = /^ +at (?:.*\()?((?:file:|\/)[^)]*:\d+:\d+)\)?$/m.exec(stack);
  return frame === null ? "" : `at ${frame[1]}`;
}

/** Splits chunks into lines; a line without end is given up to a bound. */
export function lineSplitter(onLine: (line: string) => void): {
  push(chunk: string): void;
  end(): void;
} {
  let rest = "";
  return {
    push(chunk) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      // Half a JSON line cannot be read; 64 KiB is far more than a log line has.
      if (rest.length > 65_536) lines.push(rest.slice(0, lineLengthMax));
      if (rest.length > 65_536) rest = "";
      for (const line of lines) onLine(line);
    },
    end() {
      if (rest !== "") onLine(rest);
      rest = "";
    },
  };
}
