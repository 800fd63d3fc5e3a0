/** All groups: the tests run them, and docs/http.md is made from them. */

import { bodies } from "./bodies.ts";
import { addressCases, keyCases } from "./callers.ts";
import type { CaseGroup } from "./case.ts";
import { fields } from "./fields.ts";
import { framing } from "./framing.ts";
import { metering } from "./metering.ts";
import { paths } from "./paths.ts";
import { connections, hosts, requestLine } from "./request-line.ts";
import { timeAndSize } from "./time-and-size.ts";
import { upstreamReplies } from "./upstream-replies.ts";

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
  bodies,
  upstreamReplies,
  metering,
];
