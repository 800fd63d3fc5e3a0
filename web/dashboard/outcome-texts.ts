/** Outcomes of calls, in words; `callOutcomes` of the link names them. */

import type { Tone } from "../shared/ui.tsx";

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
