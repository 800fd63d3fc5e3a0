/** What a key that was just made is given ahead of its first call, so that this one need not wait. */

import { decodeKeyRecord, type KeyRecord, keyRecordLength } from "../access/key-record.ts";
import { fingerprintSubject } from "../access/subject-fingerprint.ts";
import type { HashKey } from "../base/hash.ts";
import type { EpochMs } from "../base/words.ts";
import { grantUnitsMin } from "../limits/lease-book.ts";
import type { Limit, Plan } from "../limits/plan.ts";
import { windowAt, windowId } from "../limits/window.ts";
import type { LeaseDemand } from "./tended-counter.ts";

/** A key made longer ago than this came with an old record: its calls will ask. */
const newKeyMs = 60_000;

/** Keys of one message that are given something ahead, at most: an import is not a customer at the door. */
export const keysAheadMax = 100;

/** `packed`: key records back to back, as the hub sends them. What is not a record ends the list. */
export function demandsOfKeys(
  packed: Uint8Array,
  of: { readonly plans: readonly Plan[]; readonly hashKey: HashKey; readonly nowMs: EpochMs },
): LeaseDemand[] {
  const demands: LeaseDemand[] = [];
  const strict = of.plans.filter(({ limits }) => limits.some(isStrict));
  if (strict.length === 0) return demands;
  let keys = 0;
  for (let at = 0; at + 4 <= packed.length && keys < keysAheadMax; ) {
    const length = keyRecordLength(packed, at);
    const decoded = decodeKeyRecord(packed, at, length);
    if (!decoded.ok) break;
    at += length;
    const { record } = decoded;
    const plan = strict.find(({ name }) => name === record.plan);
    const isNew = of.nowMs - record.createdAtMs < newKeyMs && !record.revoked;
    if (plan === undefined || !isNew) continue;
    keys++;
    for (const limit of plan.limits) {
      const demand = isStrict(limit) ? demandOf(record, { ...of, plan, limit }) : undefined;
      if (demand !== undefined) demands.push(demand);
    }
  }
  return demands;
}

function isStrict({ enforcement }: Limit): boolean {
  return enforcement === "strict";
}

function demandOf(
  record: KeyRecord,
  of: {
    readonly plan: Plan;
    readonly limit: Limit;
    readonly hashKey: HashKey;
    readonly nowMs: EpochMs;
  },
): LeaseDemand | undefined {
  const { plan, limit, hashKey, nowMs } = of;
  const counter = plan.counters[limit.counter];
  if (counter === undefined) return undefined;
  const isOwner = counter.per === "owner";
  if (isOwner && record.owner === "") return undefined;
  const subject = isOwner ? `owner:${record.owner}` : `key:${record.keyId}`;
  const spec = counter.window;
  const isAnchored = spec.kind === "month@key";
  const anchorDay = !isAnchored ? 1 : isOwner ? record.ownerAnchorDay : record.anchorDay;
  const window = { spec, ...windowAt(spec, nowMs, anchorDay), anchorDay, region: "" };
  const fingerprint = { lo: 0, hi: 0 };
  fingerprintSubject(hashKey, subject, fingerprint);
  const place = { id: windowId(window), window, ...fingerprint };
  const { name, quota } = limit;
  return { plan: plan.name, limit: name, quota, subject, place, cost: 1, want: grantUnitsMin };
}
