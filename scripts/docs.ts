/** `npm run docs`: writes the generated parts of the reference pages in docs/. */

import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./checks.ts";
import { fillPage } from "./docs/pages.ts";

for (const file of globSync("docs/*.md", { cwd: root })) {
  const path = join(root, file);
  const old = readFileSync(path, "utf8");
  const page = fillPage(old);
  if (page === old) continue;
  writeFileSync(path, page);
  process.stdout.write(`${file}\n`);
}
