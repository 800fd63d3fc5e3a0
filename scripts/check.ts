/** `npm run check`: the static checks one after another, without the tests. */

import { checks } from "./checks.ts";

for (const check of checks) {
  const startMs = performance.now();
  const { passed, output } = await check.run();
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${passed ? "ok  " : "FAIL"} ${check.name} ${seconds} s`);
  if (!passed) {
    console.log(output);
    process.exitCode = 1;
  }
}
