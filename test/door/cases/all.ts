/** All groups: the tests run them, and docs/http.md is made from them. */

import { addressCases, keyCases } from "./callers.ts";
import type { CaseGroup } from "./case.ts";
import { fields } from "./fields.ts";
import { framing } from "./framing.ts";
import { paths } from "./paths.ts";
import { connections, hosts, requestLine } from "./request-line.ts";
import { timeAndSize } from "./time-and-size.ts";

export const caseGroups: readonly CaseGroup[] = [
  framing,
  fields,
  requestLine,
  hosts,
  connections,
  timeAndSize,
  paths,
  keyCases,
  addressCases,
];
