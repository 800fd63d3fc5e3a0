/** What `deploy/` holds is valid, as far as the programs that read it can say without running it. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ensureDebian } from "../scripts/debian.ts";

const deploy = fileURLToPath(new URL("../deploy/", import.meta.url));
const execute = promisify(execFile);
let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "tallygate-deploy-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function ended(program: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout, stderr } = await execute(program, args);
    return stdout + stderr;
  } catch (cause) {
    const { stdout = "", stderr = "", message } = cause as Error & Record<string, string>;
    assert.fail(`${program} refuses it: ${stdout}${stderr}${message}`);
  }
}

const hasSystemd = await execute("systemd-analyze", ["--version"]).then(
  () => true,
  () => false,
);

for (const name of ["tallygate-hub.service", "tallygate-gateway@.service"]) {
  const skip = !hasSystemd && "systemd-analyze is not installed";
  test(`${name}: systemd takes it, and it may do little`, { skip }, async () => {
    const text = readFileSync(join(deploy, name), "utf8");
    const unit = join(folder, name.replace("@.", "@sydney."));
    // The program and its user are not installed here.
    const here = text
      .replace("ExecStart=/usr/bin/tallygate", "ExecStart=/bin/true")
      .replaceAll(/^(User|Group)=tallygate$/gm, "$1=daemon");
    writeFileSync(unit, here);
    const said = await ended("systemd-analyze", ["verify", "--man=no", unit]);
    assert.equal(said.includes(name.split("@")[0] as string), false, said);
    const report = await ended("systemd-analyze", ["security", "--offline=yes", unit]);
    const exposure = Number(/exposure level for .*: ([0-9.]+)/.exec(report)?.[1]);
    assert.ok(exposure <= 2.5, `exposure ${exposure}`);
  });
}

test("units stop later than the gateway's defaults may take", () => {
  for (const name of ["tallygate-hub.service", "tallygate-gateway@.service"]) {
    const text = readFileSync(join(deploy, name), "utf8");
    assert.ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1]) >= 30);
  }
});

/** Instructions, continued lines joined, comments left out. */
function instructions(text: string): [string, string][] {
  return text
    .replaceAll(/^#.*\n/gm, "")
    .replaceAll("\\\n", " ")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [, name = "", rest = ""] = /^([A-Z]+) +(.*)$/.exec(line) ?? assert.fail(line);
      return [name, rest];
    });
}

test("the image is of exact versions, is not root's, tells its health, and holds no secret", () => {
  const all = instructions(readFileSync(join(deploy, "Dockerfile"), "utf8"));
  const known = ["FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "HEALTHCHECK"];
  for (const [name] of all) {
    assert.ok([...known, "STOPSIGNAL", "ENTRYPOINT", "CMD"].includes(name), name);
  }
  const of = (name: string): string[] => all.filter(([is]) => is === name).map(([, rest]) => rest);
  for (const from of of("FROM")) assert.match(from, /^node:\d+\.\d+\.\d+-[a-z-]+( AS [a-z]+)?$/);
  assert.equal(of("FROM").length, 2);
  assert.deepEqual(of("USER"), ["node"]);
  const lastFrom = all.findLastIndex(([name]) => name === "FROM");
  assert.ok(all.findIndex(([name]) => name === "USER") > lastFrom, "the last stage has a user");
  for (const name of ["ENTRYPOINT", "CMD"]) {
    for (const form of of(name)) assert.ok(Array.isArray(JSON.parse(form)), "no shell in between");
  }
  const [health = ""] = of("HEALTHCHECK");
  assert.equal((JSON.parse(health.slice(health.indexOf("["))) as string[])[0], "node");
  assert.equal(/TOKEN|SECRET|PASSWORD/.test(of("ENV").join(" ")), false);
  // What is copied is there.
  const sources = of("COPY").filter((copy) => !copy.startsWith("--from"));
  for (const copy of sources) {
    for (const source of copy.split(" ").slice(0, -1)) {
      const path = fileURLToPath(new URL(`../${source}`, import.meta.url));
      assert.ok(existsSync(path), source);
    }
  }
});

test("nginx takes its example", async (t) => {
  const packages = await ensureDebian(["nginx-light"]);
  if (packages.state !== "installed") return t.skip(`nginx.conf is NOT checked: ${packages.why}`);
  const said = await ended("/usr/sbin/nginx", [
    ...["-t", "-p", folder, "-c", join(deploy, "nginx.conf"), "-e", "stderr"],
    ...["-g", `pid ${join(folder, "nginx.pid")};`],
  ]);
  assert.match(said, /test is successful/);
});

test("HAProxy takes its example", async (t) => {
  const packages = await ensureDebian(["haproxy"]);
  if (packages.state !== "installed") return t.skip(`haproxy.cfg is NOT checked: ${packages.why}`);
  await ended("/usr/sbin/haproxy", ["-c", "-f", join(deploy, "haproxy.cfg")]);
});
