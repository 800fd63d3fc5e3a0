import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "latency",
  sentence:
    "What a proxied call takes longer than the same call straight to its upstream, one gateway process pinned to one core at 30 % of its capacity, open loop",
  bar: "p50 ≤ 150 µs, p99 ≤ 1 ms",
  minutesMax: 10,
  command: ["scripts/start.js", "bench:latency", "--claim"],
};
