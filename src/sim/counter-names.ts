/** What counters are called in batches and journals, by subject and minute: computed as the public contract says. */

import { fingerprintSubject } from "../access/subject-fingerprint.ts";
import type { HashKey } from "../base/hash.ts";
import type { CallRecord } from "./calls.ts";

export class CounterNames {
  readonly #names = new Map<string, string>();

  /** `window lo hi` of the minute in which a call is charged; "" while its gateway has never known the cluster. */
  of({ subject, inMinute }: CallRecord, hashKey: HashKey | undefined): string {
    const call = `${subject} ${inMinute.startMs}`;
    let name = this.#names.get(call);
    if (name === undefined && hashKey !== undefined) {
      const fingerprint = { lo: 0, hi: 0 };
      fingerprintSubject(hashKey, subject, fingerprint);
      const start = new Date(inMinute.startMs).toISOString().replace(".000Z", "Z");
      name = `minute/${start} ${fingerprint.lo} ${fingerprint.hi}`;
      this.#names.set(call, name);
    }
    return name ?? "";
  }
}
