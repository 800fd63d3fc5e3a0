/** fastify with its rate limit, in its default store (memory), answering by itself. */

import rateLimit from "@fastify/rate-limit";
import fastify from "fastify";

const { body } = JSON.parse(process.env["SHAPE"]);
const app = fastify({ logger: false, keepAliveTimeout: 60_000 });
await app.register(rateLimit, {
  max: 1_000_000_000,
  timeWindow: "1 day",
  keyGenerator: (request) => request.headers["x-api-key"],
});
app.get("/:ip", (_request, reply) => reply.type("application/json").send(body));
await app.listen({ port: Number(process.env["PORT"]), host: "127.0.0.1" });
