/** The static checks as tests, so that one summary counts everything. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { checks } from "../scripts/checks.ts";

for (const check of checks) {
  test(check.name, async () => {
    const { passed, output } = await check.run();
    assert.ok(passed, `\n${output}`);
  });
}
