import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "14-bench-memory",
  sentence:
    "From memory, whole gateway pinned to one core, beside bare node:http with the same status, header fields and bytes",
  bar: "os ≥ 0.8 × at 64 connections, ≥ 0.5 × at 8; disk ≥ 0.55 × at 64",
  minutesMax: 20,
  command: ["scripts/start.js", "bench", "memory", "--claim"],
};
