import type { Claim } from "./claim.ts";

export const claim: Claim = {
  id: "14-bench-proxy",
  sentence:
    "As a proxy, whole gateway pinned to one core, beside fastify with rate limit and http-proxy",
  bar: "os ≥ 1.3 ×",
  minutesMax: 20,
  command: ["scripts/start.js", "bench", "proxy", "--claim"],
};
