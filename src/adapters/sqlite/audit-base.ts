/** Where the audit log begins: behind the last entry that was archived. */

import { type AuditHead, auditGenesis } from "../../ports/audit-log.ts";
import { rowCrc } from "./row-crc.ts";

/** The named value of the registry that says where the log begins. */
export const baseName = "audit-base";

export const selectBase = `SELECT value, crc FROM meta WHERE name = '${baseName}'`;

/** Of what `selectBase` finds. A damaged value is none: the first entry then follows from nothing, which the check tells. */
export function baseOf(row: Record<string, unknown> | undefined): AuditHead {
  const stored = row?.["value"];
  const value = typeof stored === "string" ? stored : "";
  if (row?.["crc"] !== rowCrc(baseName, value)) return { seq: 0, hash: auditGenesis };
  return JSON.parse(value) as AuditHead;
}
