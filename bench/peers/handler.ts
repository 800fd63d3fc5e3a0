/** The in-process handler of the benchmarks: a prepared body, so that the gateway is measured. */

import { FastResponse, type Handler } from "../../src/index.ts";
import { replyBody } from "./contender.ts";

const init = { headers: { "content-type": "application/json" } };

const handler: Handler = () => new FastResponse(replyBody, init);

export default handler;
