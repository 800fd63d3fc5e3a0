/** The table of cases of docs/http.md: what is sent, and the one answer. The tests run the same list. */

import { caseGroups } from "../../test/door/cases/all.ts";
import {
  type CaseGroup,
  chargedBy,
  type DoorCase,
  forwardedBy,
  staysOpenAfter,
} from "../../test/door/cases/case.ts";
import { table } from "./markdown.ts";

const titles = ["", "what comes", "answer", "forwarded", "charged", "connection", "why"];

export function caseTables(): string {
  return caseGroups.map(section).join("\n\n");
}

function section({ letter, title, cases, elsewhere = [] }: CaseGroup): string {
  const rows = cases.map((of, i) => [
    `${letter}${i + 1}`,
    of.what,
    answerText(of),
    String(forwardedBy(of)),
    String(chargedBy(of)),
    staysOpenAfter(of) ? "" : "closes",
    of.why ?? "",
  ]);
  const others = elsewhere.map(({ what, answer, test }) => `- ${what}: ${answer} (\`${test}\`)`);
  const list = others.length === 0 ? "" : `\n\n${others.join("\n")}`;
  return `### ${letter}. ${title}\n\n${table(titles, rows)}${list}`;
}

/** `200, 413`; repeated ones as `1,000 × 200`. */
function answerText({ answer }: DoorCase): string {
  if (answer.length === 0) return "none";
  const [first] = answer;
  const isOne = answer.length > 5 && answer.every((status) => status === first);
  return isOne ? `${answer.length.toLocaleString("en-US")} × ${first}` : answer.join(", ");
}
