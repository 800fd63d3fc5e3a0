/** fastify with its rate limit and its proxy, on undici as the gateway is. */

import proxy from "@fastify/http-proxy";
import rateLimit from "@fastify/rate-limit";
import fastify from "fastify";

const app = fastify({ logger: false, keepAliveTimeout: 60_000 });
await app.register(rateLimit, {
  max: 1_000_000_000,
  timeWindow: "1 day",
  keyGenerator: (request) => request.headers["x-api-key"],
});
await app.register(proxy, {
  upstream: process.env["UPSTREAM"],
  undici: { connections: 128, pipelining: 1 },
});
await app.listen({ port: Number(process.env["PORT"]), host: "127.0.0.1" });
