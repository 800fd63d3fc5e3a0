/** Outcomes of calls, in words; `callOutcomes` of the link names them. */

import type { Tone } from "../shared/ui.tsx";
import type { RateKind } from "./history.ts";

interface OutcomeText {
  readonly text: string;
  /** `bad`: somebody should look; `warn`: the caller's doing. */
  readonly tone: Tone;
}

export const callOutcomeTexts: Readonly<Record<string, OutcomeText>> = {
  admitted: { text: "Answered", tone: "good" },
  unmetered: { text: "Answered without a charge", tone: "good" },
  preflight: { text: "Preflight answered", tone: "good" },
  limited: { text: "Over a limit", tone: "warn" },
  unleased: { text: "Quota held elsewhere", tone: "warn" },
  malformed: { text: "Malformed request", tone: "plain" },
  unauthorized: { text: "No or unknown key", tone: "plain" },
  forbidden: { text: "Not allowed to this key", tone: "plain" },
  "not-found": { text: "No such route", tone: "plain" },
  unready: { text: "Gateway not ready", tone: "bad" },
  unrecordable: { text: "Charge could not be recorded", tone: "bad" },
  shed: { text: "Shed: overload", tone: "bad" },
  "handler-error": { text: "Handler failed", tone: "bad" },
  "upstream-error": { text: "Upstream failed", tone: "bad" },
  timeout: { text: "Upstream too slow", tone: "bad" },
};

const refused = new Set(["malformed", "unauthorized", "forbidden", "not-found"]);

/** As the hub sums them for its rates. */
export function kindOfOutcome(outcome: string): RateKind {
  if (outcome.startsWith("limited:") || outcome === "unleased") return "limited";
  if (refused.has(outcome)) return "refused";
  return callOutcomeTexts[outcome]?.tone === "good" ? "answered" : "failed";
}

/** In words; `limited:day` with the limit's name. */
export function outcomeName(outcome: string): string {
  const limit = /^limited:(.*)$/.exec(outcome)?.[1];
  if (limit !== undefined) return `Over the limit “${limit}”`;
  return callOutcomeTexts[outcome]?.text ?? outcome;
}
