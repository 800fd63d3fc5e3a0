/**
 * The reference pages' generated parts. A page marks where one stands:
 *
 *     <!-- generated: problems -->
 *     …
 *     <!-- end -->
 *
 * What is between the marks is written by `npm run docs` and checked by `pages.test.ts`; everything else is by hand.
 */

import { operationTable } from "./admin-operations.ts";
import { boundTables } from "./bound-tables.ts";
import { caseTables } from "./case-tables.ts";
import { commandSections } from "./command-sections.ts";
import { fieldTables } from "./config-fields.ts";
import { metricTables } from "./metric-tables.ts";
import { problemTable } from "./problem-table.ts";

export const parts: Readonly<Record<string, () => string>> = {
  bounds: boundTables,
  cases: caseTables,
  commands: commandSections,
  fields: fieldTables,
  metrics: metricTables,
  operations: operationTable,
  problems: problemTable,
};

const marked = /(<!-- generated: ([a-z]+) -->\n).*?(<!-- end -->)/gs;

/** `page` with its generated parts as the code has them now. Fails on a mark that no part has. */
export function fillPage(page: string): string {
  return page.replace(marked, (_, open: string, name: string, end: string) => {
    const part = parts[name];
    if (part === undefined) throw new Error(`no part is called ${name}`);
    return `${open}\n${part().trim()}\n\n${end}`;
  });
}

/** Names of the parts that a page shows. */
export function partsOf(page: string): string[] {
  return [...page.matchAll(marked)].map((match) => match[2] as string);
}
