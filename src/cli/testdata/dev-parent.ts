/** `dev` with stand-ins for its children, to be killed: `node dev-parent.ts CONFIG DATA PORT`. */

import { fileURLToPath } from "node:url";
import { startDev } from "../dev.ts";

const [config = "", data = "", port = ""] = process.argv.slice(2);
const program = fileURLToPath(new URL("./dev-child.ts", import.meta.url));
const cluster = await startDev({
  config,
  data,
  program,
  basePort: Number(port),
  latencies: new Map(),
  onLine: () => {},
});
await cluster.ready;
process.stdout.write("ready\n");
