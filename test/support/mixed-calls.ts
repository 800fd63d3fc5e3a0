/** Calls of mixed keys, routes and regions from this process, and exact books of what became of each. */

import { Client } from "undici";

export interface MixedRoute {
  /** As configured and as called. */
  readonly path: string;
  readonly cost: number;
  /** Its handler answers 500, and gives back what was charged. */
  readonly isRefunded: boolean;
}

export interface MixedCaller {
  readonly id: string;
  readonly secret: string;
  readonly owner: string;
  readonly plan: string;
}

export interface MixedOptions {
  readonly regions: readonly { readonly name: string; readonly url: string }[];
  readonly callers: readonly MixedCaller[];
  readonly routes: readonly MixedRoute[];
  readonly calls: number;
  readonly connectionsPerRegion: number;
}

/** What is charged and given back, as a row of usage has it. */
export interface MixedSums {
  calls: number;
  units: number;
  refundedCalls: number;
  refundedUnits: number;
}

export interface MixedBook extends MixedSums {
  readonly region: string;
  readonly route: string;
  readonly caller: MixedCaller;
  /** 429. */
  rejected: number;
}

export interface MixedResult {
  readonly books: readonly MixedBook[];
  /** Any other answer, or none: must be empty. */
  readonly others: ReadonlyMap<string, number>;
  readonly seconds: number;
}

/** A closed loop; call `n` is the same caller, route and region in every run. */
export async function runMixed(options: MixedOptions): Promise<MixedResult> {
  const { regions, callers, routes, calls } = options;
  const books = new Map<string, MixedBook>();
  const others = new Map<string, number>();
  const startMs = performance.now();
  let next = 0;
  const work = async (region: { name: string; url: string }): Promise<void> => {
    const client = new Client(region.url);
    for (let n = next++; n < calls; n = next++) {
      // Primes, so that every caller meets every route in every region.
      const caller = callers[(n * 7919) % callers.length] as MixedCaller;
      const route = routes[Math.floor(n / 31) % routes.length] as MixedRoute;
      const book = bookOf(books, { region: region.name, route: route.path, caller });
      const status = await call(client, route.path, caller.secret);
      if (!note(book, route, status)) {
        const name = `${region.name} ${route.path} ${status}`;
        others.set(name, (others.get(name) ?? 0) + 1);
      }
    }
    await client.close();
  };
  const workers = regions.flatMap((region) =>
    Array.from({ length: options.connectionsPerRegion }, () => work(region)),
  );
  await Promise.all(workers);
  const seconds = (performance.now() - startMs) / 1_000;
  return { books: [...books.values()], others, seconds };
}

async function call(client: Client, path: string, secret: string): Promise<number> {
  const headers = { "x-api-key": secret };
  try {
    const { statusCode, body } = await client.request({ path, method: "GET", headers });
    await body.dump();
    return statusCode;
  } catch {
    return 0;
  }
}

/** False: it is no answer that such a call may have. */
function note(book: MixedBook, { cost, isRefunded }: MixedRoute, status: number): boolean {
  if (status === 429) {
    book.rejected++;
    return true;
  }
  if (status !== (isRefunded ? 500 : 200)) return false;
  book.calls++;
  book.units += cost;
  if (isRefunded) {
    book.refundedCalls++;
    book.refundedUnits += cost;
  }
  return true;
}

function bookOf(
  books: Map<string, MixedBook>,
  of: Pick<MixedBook, "region" | "route" | "caller">,
): MixedBook {
  const name = `${of.region} ${of.route} ${of.caller.id}`;
  let book = books.get(name);
  if (book === undefined) {
    const sums = { calls: 0, units: 0, refundedCalls: 0, refundedUnits: 0, rejected: 0 };
    book = { ...of, ...sums };
    books.set(name, book);
  }
  return book;
}

/** What a report by `valueOf` must say; values of which nothing was charged are in none. */
export function sumsBy(
  books: readonly MixedBook[],
  valueOf: (book: MixedBook) => string,
): Map<string, MixedSums> {
  const sums = new Map<string, MixedSums>();
  for (const book of books) {
    if (book.calls === 0) continue;
    const value = valueOf(book);
    const known = sums.get(value) ?? { calls: 0, units: 0, refundedCalls: 0, refundedUnits: 0 };
    known.calls += book.calls;
    known.units += book.units;
    known.refundedCalls += book.refundedCalls;
    known.refundedUnits += book.refundedUnits;
    sums.set(value, known);
  }
  return sums;
}
