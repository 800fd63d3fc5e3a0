/** The bounds of the status page: probes, incidents, the public document. */

import { probesWaitingMax } from "../../src/gateway/probing.ts";
import { probeTargetsMax } from "../../src/ports/link.ts";
import {
  incidentsMax,
  incidentTextMax,
  incidentTitleMax,
  openIncidentsMax,
  updatesPerIncidentMax,
} from "../../src/status/incident.ts";
import { probeMsMax } from "../../src/status/probe.ts";
import { historyDays } from "../../src/status/probe-history.ts";
import { publicIncidentsMax, statusDocumentMaxBytes } from "../../src/status/public-status.ts";
import type { Bound } from "./bound.ts";

export const statusBounds: readonly Bound[] = [
  [{ probeTargetsMax }, "count", "regions that one region probes", "others probe the rest"],
  [{ probeMsMax }, "ms", "until a probe is answered", "it has failed"],
  [{ probesWaitingMax }, "count", "probes that wait to be told to the hub", "the oldest go"],
  [{ historyDays }, "count", "days of probes that are kept", "older ones go"],
  [{ incidentsMax }, "count", "incidents kept", "of those that are over the oldest go"],
  [{ openIncidentsMax }, "count", "incidents of the operator's that go on", "503"],
  [{ updatesPerIncidentMax }, "count", "updates of an incident", "the oldest but the first go"],
  [{ incidentTitleMax }, "bytes", "title of an incident", "400"],
  [{ incidentTextMax }, "count", "characters of an update", "400"],
  [{ publicIncidentsMax }, "count", "incidents on the page", "the oldest are left out"],
  [{ statusDocumentMaxBytes }, "bytes", "public status", "the oldest incidents are left out"],
];
