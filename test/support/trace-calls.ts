/** Lines of strace as whole calls: where each began among all others, and where it had returned. */

export interface TracedCall {
  readonly name: string;
  /** What stands between the parentheses. */
  readonly given: string;
  /** What it returned, the explanation left out: `-1`, `4096`. */
  readonly result: string;
  /** Numbers of the lines at which it was entered and at which it had returned. */
  readonly began: number;
  readonly ended: number;
}

/** Puts together what another thread's line interrupted. */
export class CallReader {
  /** By thread: the beginning of a call that another thread's line interrupted. */
  readonly #unfinished = new Map<string, { readonly text: string; readonly began: number }>();
  #lines = 0;

  /** The call that has returned with this line, if one has. */
  line(line: string): TracedCall | undefined {
    const ended = ++this.#lines;
    const [, thread = "", rest = ""] = /^(\d+) +(.*)$/s.exec(line) ?? [];
    const unfinished = rest.indexOf(" <unfinished ...>");
    if (unfinished >= 0) {
      this.#unfinished.set(thread, { text: rest.slice(0, unfinished), began: ended });
      return undefined;
    }
    const resumed = /^<\.\.\. \w+ resumed>/.exec(rest);
    if (resumed === null) return wholeCall(rest, { began: ended, ended });
    const first = this.#unfinished.get(thread);
    const text = (first?.text ?? "") + rest.slice(resumed[0].length);
    return wholeCall(text, { began: first?.began ?? ended, ended });
  }
}

function wholeCall(
  text: string,
  lines: { readonly began: number; readonly ended: number },
): TracedCall | undefined {
  const [, name, given = "", result = ""] = /^(\w+)\((.*)\) += (-?\d+)/s.exec(text) ?? [];
  return name === undefined ? undefined : { name, given, result, ...lines };
}

/** The strings of a call, as `strace -xx` writes them. */
export function stringsOf(given: string): Buffer[] {
  return [...given.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = ""]) => decode(hex));
}

/** The descriptor that a call names first, and its path or socket, as `strace -y` writes them. */
export function descriptorOf(given: string): {
  readonly number: string | undefined;
  readonly path: string;
} {
  const [, number, hex = ""] = /^(?:AT_FDCWD)?(\d+)?<((?:\\x[0-9a-f]{2})*)>/.exec(given) ?? [];
  return { number, path: decode(hex).toString() };
}

function decode(hex: string): Buffer {
  return Buffer.from(hex.replaceAll("\\x", ""), "hex");
}
