/** Stands in for the processes that `dev` starts: ready at once, and breaks as a test tells it to. */

import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { endWithParent } from "../end-with-parent.ts";

const { values } = parseArgs({
  strict: false,
  allowPositionals: true,
  options: { region: { type: "string" }, listen: { type: "string" }, operations: { type: "string" } },
});

endWithParent(async () => {});
process.once("SIGTERM", () => {
  const lines = '{"level":"info","message":"quiet"}\n{"level":"error","message":"loud","n":1}\n';
  process.stderr.write(lines, () => process.exit(0));
});

if (process.env["DEV_CHILD_FAILS"] === String(values["region"] ?? "hub")) {
  process.stderr.write("tallygate: The data is damaged: as the test wished\n");
  process.exit(1);
}
for (const address of [values["listen"], values["operations"]]) {
  if (typeof address !== "string") continue;
  const [host, port] = address.split(":");
  const server = createServer((_, reply) => reply.end("{}"));
  server.listen({ host, port: Number(port), reusePort: true });
}
