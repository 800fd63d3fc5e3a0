/** A process's TCP sockets, from the kernel's books: Linux alone has them in files. */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** The peer has ended the connection, and the process has not: it was forgotten. `st` of `/proc/net/tcp`. */
const closeWait = "08";
const stateField = 3;
const inodeField = 9;

/** Connections of a process that the other end has closed; undefined where nobody tells. */
export function closeWaits(pid: number): number | undefined {
  let own: Set<string>;
  let table: string;
  try {
    table = readFileSync("/proc/net/tcp", "utf8");
    own = socketInodes(pid);
  } catch {
    return undefined;
  }
  const lines = table.trim().split("\n").slice(1);
  const fields = lines.map((line) => line.trim().split(/\s+/));
  return fields.filter(
    (field) => field[stateField] === closeWait && own.has(field[inodeField] ?? ""),
  ).length;
}

function socketInodes(pid: number): Set<string> {
  const inodes = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    } catch {
      // Closed since it was listed.
    }
  }
  return inodes;
}
