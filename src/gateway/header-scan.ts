/**
 * Finds the header fields that the gateway reads in one pass over the raw list, without making
 * anything: node's own joined object drops some repeated fields and joins others, which is no base for
 * deciding who calls.
 */

import { isHeaderName } from "../access/header-name.ts";
import { assert } from "../base/assert.ts";
import type { HeaderList } from "../ports/listener.ts";

/** Names that one scan looks for, at most. */
const namesMax = 255;

interface Watched {
  readonly name: string;
  readonly index: number;
}

export class HeaderScan {
  readonly #byLength: (Watched[] | undefined)[] = [];
  readonly #indexes = new Map<string, number>();
  /** First value of each watched name. */
  readonly #values: (string | undefined)[] = [];
  readonly #counts: number[] = [];
  #headers: HeaderList = [];

  /** The number under which `name` (in lower case) is asked for. The same name, the same number. */
  watch(name: string): number {
    const known = this.#indexes.get(name);
    if (known !== undefined) return known;
    const index = this.#values.length;
    assert(index < namesMax, "too many header names to look for");
    this.#indexes.set(name, index);
    this.#values.push(undefined);
    this.#counts.push(0);
    this.#byLength[name.length] ??= [];
    this.#byLength[name.length]?.push({ name, index });
    return index;
  }

  /**
   * What `first` and `count` tell from now on. False, and then only the first of it, if a name that is not watched holds a
   * `_`: servers that hand fields on as variables (CGI, WSGI) read `X_Key` and `X-Key` as the same.
   */
  scan(headers: HeaderList): boolean {
    const values = this.#values;
    const counts = this.#counts;
    for (let i = 0; i < values.length; i++) {
      values[i] = undefined;
      counts[i] = 0;
    }
    this.#headers = headers;
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] as string;
      const index = this.#indexOf(name);
      if (index >= 0) {
        if (counts[index] === 0) values[index] = headers[i + 1];
        (counts[index] as number)++;
      } else if (name.includes("_")) return false;
    }
    return true;
  }

  #indexOf(name: string): number {
    const watched = this.#byLength[name.length];
    if (watched === undefined) return -1;
    for (let k = 0; k < watched.length; k++) {
      const { name: wanted, index } = watched[k] as Watched;
      if (isHeaderName(name, wanted)) return index;
    }
    return -1;
  }

  /** The first field's value; undefined: no such field. */
  first(index: number): string | undefined {
    return this.#values[index];
  }

  count(index: number): number {
    return this.#counts[index] as number;
  }

  /** All values of a field, in order. */
  all(name: string): string[] {
    const values: string[] = [];
    for (let i = 0; i < this.#headers.length; i += 2) {
      if (isHeaderName(this.#headers[i] as string, name))
        values.push(this.#headers[i + 1] as string);
    }
    return values;
  }
}
