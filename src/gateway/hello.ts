/** What a gateway says when it connects. */

import type { Journal, JournalRange } from "../ports/journal.ts";
import { type Hello, linkProtocol } from "../ports/link.ts";

/** Incarnations without stored batches that the hub hears of: a message's header must hold them all. */
const toldIncarnationsMax = 256;

type FromJournal = "kind" | "protocol" | "producer" | "incarnation" | "journal";

export function hello(of: Omit<Hello, FromJournal> & { readonly journal: Journal }): Hello {
  const { journal, ...rest } = of;
  return {
    kind: "hello",
    protocol: linkProtocol,
    producer: journal.identity.producer,
    incarnation: journal.incarnation,
    ...rest,
    journal: told(journal.ranges()).map(
      ({ incarnation, first, last }) => [incarnation, first, last] as const,
    ),
  };
}

/** Every incarnation with batches in the journal, and the newest of those without. */
function told(ranges: readonly JournalRange[]): readonly JournalRange[] {
  const isStored = ({ first, last }: JournalRange): boolean => first <= last;
  const rest = ranges.filter((range) => !isStored(range)).slice(-toldIncarnationsMax);
  return [...ranges.filter(isStored), ...rest];
}
