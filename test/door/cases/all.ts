/** All groups: the tests run them, and docs/http.md is made from them. */

import type { CaseGroup } from "./case.ts";
import { fields } from "./fields.ts";
import { framing } from "./framing.ts";
import { connections, hosts, requestLine } from "./request-line.ts";

export const caseGroups: readonly CaseGroup[] = [framing, fields, requestLine, hosts, connections];
