/** Every problem that a gateway answers with: when, and what becomes of the charge. */

import { type ProblemKind, problemCatalogue, problemSpec } from "../../src/gateway/problems.ts";
import { table } from "./markdown.ts";

interface Told {
  readonly when: string;
  readonly charged: string;
}

const no = "no";
const kept = "yes; back with `5xx`";
const keptOrBack = "yes; back with `5xx`, or if `not-attempted`";

/** What the catalogue does not say. A kind without a line here does not compile. */
const told: Readonly<Record<ProblemKind, Told>> = {
  "request-malformed": {
    when: "target, Host, framing or bytes that can be read in two ways; two Authorization fields",
    charged: "no; in the body: `not-attempted`",
  },
  "field-name-refused": {
    when: "a field's name holds `_`, and no limit or key place is called so",
    charged: no,
  },
  "keys-differ": {
    when: "two places hold different keys; one field of keys is there twice",
    charged: no,
  },
  "subject-missing": {
    when: "the plan counts by something the call lacks, with `missing: deny`",
    charged: no,
  },
  "key-refused": {
    when: "no key and no anonymous plan; key malformed, unknown, expired or revoked",
    charged: no,
  },
  "key-restricted": { when: "key not for this route, referer or address", charged: no },
  "address-denied": {
    when: "the caller's address is in `clients.deny`, or not in `clients.allow`",
    charged: no,
  },
  "address-blocked": {
    when: "no key, and the address went on calling after its 429s (`clients.block`)",
    charged: no,
  },
  "keys-wrong-too-often": {
    when: "key not valid, and more than `clients.wrongKeysPerMinute` of the address were not",
    charged: no,
  },
  "plan-unknown": { when: "the key's plan is not in this gateway's configuration", charged: no },
  "route-unknown": { when: "no route has the path", charged: no },
  "method-refused": { when: "a route has the path, none the method; CONNECT, TRACE", charged: no },
  "request-late": {
    when: "head or body slower than [allowed](configuration.md)",
    charged: "head: no; body: `not-attempted`",
  },
  "body-too-large": {
    when: "a body over its bound, as declared or as it comes; chunk extensions too long",
    charged: "as declared: no; as it comes: `not-attempted`",
  },
  "target-too-long": { when: "path and query over the bound", charged: no },
  "expectation-failed": { when: "Expect is not 100-continue", charged: no },
  "quota-exceeded": { when: "a limit of the plan is used up", charged: no },
  "headers-too-large": { when: "too many or too long header fields", charged: no },
  "handler-failed": {
    when: "handler threw, or returned no Response that can be sent",
    charged: kept,
  },
  "method-unknown": { when: "a method that HTTP has not registered", charged: no },
  "encoding-unknown": { when: "Transfer-Encoding with another coding before chunked", charged: no },
  "upstream-failed": {
    when: "upstream unreachable, broke off, or sent no HTTP",
    charged: keptOrBack,
  },
  "upstream-overloaded": {
    when: "more calls under way than the upstream answers in good time; all connections to the target busy and its queue full; a slow client's connection was needed by others",
    charged: `more than it answers: no, or given back; else ${keptOrBack}`,
  },
  "upstream-unavailable": {
    when: "no target of the upstream is in service",
    charged: keptOrBack,
  },
  "gateway-overloaded": {
    when: "this process cannot keep up; callers without a key first",
    charged: no,
  },
  "gateway-unready": { when: "keys and totals of the cluster not known yet", charged: no },
  "view-stale": { when: "cut off for longer than a limit's `staleness`", charged: no },
  "quota-not-held": {
    when: "a strict limit of which this gateway holds too little at the moment; asked for",
    charged: no,
  },
  "usage-unrecordable": {
    when: "the journal takes no charges, or did not store this one in time",
    charged: "no, or given back",
  },
  "answer-late": {
    when: "upstream or handler over its time-out",
    charged: `upstream: ${keptOrBack}; handler: ${kept}`,
  },
  "version-unsupported": { when: "not HTTP/1.0 or 1.1", charged: no },
};

export function problemTable(): string {
  const kinds = (Object.keys(problemCatalogue) as ProblemKind[]).toSorted(
    (a, b) => problemSpec(a).status - problemSpec(b).status,
  );
  const rows = kinds.map((kind) => {
    const { status, title, closes } = problemSpec(kind);
    const { when, charged } = told[kind];
    return [String(status), title, when, charged, closes === true ? "closes" : ""];
  });
  return table(["status", "title", "when", "charged", "connection"], rows);
}
