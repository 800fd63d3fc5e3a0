import assert from "node:assert/strict";
import { test } from "node:test";
import { parseWrk } from "./wrk.ts";

test("wrk's report is read, errors included", () => {
  const report = [
    "  404721 requests in 5.10s, 84.14MB read",
    "  Socket errors: connect 0, read 2, write 1, timeout 3",
    "  Non-2xx or 3xx responses: 10",
    "Requests/sec:  79357.42",
    "Transfer/sec:     16.50MB",
  ].join("\n");
  assert.deepEqual(parseWrk(report), { requests: 404721, requestsPerSecond: 79357.42, errors: 16 });
});
