/**
 * Issue, "Bad input": a wrong configuration, a port or a data folder in use, data of a newer version or damaged data:
 * one sentence that says where and what, exit 1, nothing started and nothing changed. Real processes.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, suite, test } from "node:test";
import { Cluster, type CommandResult, command, freeBasePort } from "./support/cluster.ts";
import { handlers, threeRegions } from "./support/configs.ts";

const right = threeRegions();

/** Exit 1 with one sentence on standard error, which `pattern` matches. */
function assertRefused(result: CommandResult, pattern: RegExp): void {
  assert.equal(result.code, 1, result.stdout + result.stderr);
  assert.equal(result.stdout, "");
  const lines = result.stderr.split("\n").filter((line) => line.startsWith("tallygate: "));
  assert.equal(lines.length, 1, result.stderr);
  assert.match(lines[0] as string, pattern);
  assert.doesNotMatch(result.stderr, /^\s+at /m, "no stack of the program");
}

suite("a wrong configuration stops with one message that says where and what", () => {
  let folder = "";
  let basePort = 0;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "tallygate-test-"));
    for (const [name, text] of Object.entries(handlers)) writeFileSync(join(folder, name), text);
    basePort = await freeBasePort();
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const plan = "{ name: month, per: key, quota: 100000, window: month }";
  const route = '- { path: "/", handler: ./hello.mjs }';
  const table: [what: string, from: string, to: string, expected: RegExp][] = [
    ["unknown field", plan, plan.replace(" }", ", qouta: 5 }"), /limits\[0\]\.qouta.*unknown/],
    ["unknown plan", "version: 1", "version: 1\nanonymousPlan: nobody", /anonymousPlan.*nobody/],
    ["quota 0", "quota: 100000", "quota: 0", /limits\[0\]\.quota: found 0/],
    ["negative quota", "quota: 100000", "quota: -5", /limits\[0\]\.quota: found -5/],
    ["quota 1e30", "quota: 100000", "quota: 1e30", /limits\[0\]\.quota: found 1e\+?30/],
    ["duplicate route", route, `${route}\n  ${route}`, /routes\[1\].*"\/"/],
    [
      "bad CIDR",
      "version: 1",
      'version: 1\nclients: { trustedProxies: ["10.0.0.0/33"] }',
      /10\.0\.0\.0\/33/,
    ],
    ["missing handler", "./hello.mjs", "./hullo.mjs", /routes\[0\]\.handler.*hullo\.mjs/],
    ["port twice", "127.0.0.1:8082", "127.0.0.1:8081", /regions\.seoul\.listen.*8081/],
    ["7h", "window: month", "window: 7h", /limits\[0\]\.window: found "?7h/],
  ];
  for (const [what, from, to, expected] of table) {
    test(what, async () => {
      const text = right.replace(from, to);
      assert.notEqual(text, right);
      writeFileSync(join(folder, "tallygate.yaml"), text);
      const data = join(folder, "data");
      const result = await command(["dev", "--data", data, "--base-port", `${basePort}`], folder);
      assertRefused(result, expected);
      assert.match(result.stderr, /tallygate\.yaml:\d+:\d+: /);
      assert.ok(!existsSync(data), "nothing was made");
    });
  }
});

suite("what is in use is left alone", () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start({ config: right, files: handlers });
  });
  after(() => cluster?.stop());

  const started = (...args: string[]): Promise<CommandResult> =>
    command([...args, "--config", cluster.config], cluster.folder);

  test("a port in use: dev, hub and gateway each say which", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    const { port } = holder.address() as { port: number };
    const listen = `127.0.0.1:${port}`;
    const data = join(cluster.folder, "other");
    try {
      const named = new RegExp(`in use.*127\\.0\\.0\\.1:${port}`);
      assertRefused(await started("dev", "--data", data, "--base-port", `${port}`), named);
      assertRefused(await started("hub", "--data", data, "--listen", listen), named);
      const gateway = ["gateway", "--region", "sydney", "--data", data, "--listen", listen];
      assertRefused(await started(...gateway), named);
    } finally {
      holder.close();
    }
  });

  test("a data folder in use: dev, hub and gateway refuse it, and the first goes on", async () => {
    const { data } = cluster;
    const inUse = /in use by another/;
    const port = await freeBasePort();
    assertRefused(await started("dev", "--data", data, "--base-port", `${port}`), inUse);
    assertRefused(await started("hub", "--data", data, "--listen", `127.0.0.1:${port}`), inUse);
    const gateway = ["gateway", "--region", "sydney", "--data", data];
    assertRefused(await started(...gateway, "--listen", `127.0.0.1:${port}`), inUse);
    assert.equal((await cluster.command("verify")).code, 0);
  });
});

const hubFiles = ["hub/ledger.db", "hub/stream.db", "hub/registry.db"];
const gatewayFiles = ["gateways/sydney/0/journal.db", "gateways/sydney/0/state.db"];

suite("a database that cannot be used is refused by name and left as it is", () => {
  let cluster: Cluster;
  let port = 0;
  before(async () => {
    cluster = await Cluster.start({ config: right, files: handlers });
    const { key } = await cluster.createKnownKey("pro");
    for (let i = 0; i < 20; i++) {
      await fetch(cluster.region("sydney").url, { headers: { "x-api-key": key } });
    }
    await cluster.halt();
    port = await freeBasePort();
  });
  after(() => cluster?.stop());

  function start(file: string): Promise<CommandResult> {
    const shared = ["--config", cluster.config, "--data", cluster.data];
    const listen = ["--listen", `127.0.0.1:${port}`];
    const process = file.startsWith("hub/")
      ? ["hub"]
      : ["gateway", "--region", "sydney", "--operations", `127.0.0.1:${port + 1}`];
    return command([...process, ...shared, ...listen], cluster.folder);
  }

  /** Spoils a file, starts its process, and puts the file back. */
  async function refuses(file: string, spoil: (path: string) => void, expected: RegExp) {
    const path = join(cluster.data, file);
    const good = readFileSync(path);
    try {
      spoil(path);
      const hash = hashOf(path);
      const result = await start(file);
      assertRefused(result, expected);
      assert.ok(result.stderr.includes(path), `names ${file}: ${result.stderr}`);
      assert.equal(hashOf(path), hash, `${file} is as it was`);
    } finally {
      for (const suffix of ["-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
      writeFileSync(path, good);
    }
  }

  for (const file of [...hubFiles, ...gatewayFiles]) {
    test(`${file} of a newer version`, () =>
      refuses(file, (path) => setVersion(path, 1_000), /written by a newer version.*1000/));
    test(`${file} with garbage at its head`, () =>
      refuses(file, (path) => scribble(path, 0, 4096), /damaged/));
    test(`${file} with garbage from its second page on`, () =>
      refuses(file, (path) => scribble(path, 4096, Number.POSITIVE_INFINITY), /damaged/));
    test(`${file} cut off in the middle`, () => refuses(file, halve, /damaged/));
  }

  test("put back, everything starts again", async () => {
    await cluster.start();
    const verify = await cluster.command("verify");
    assert.equal(verify.code, 0, verify.stdout + verify.stderr);
  });
});

function hashOf(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

function setVersion(path: string, version: number): void {
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA user_version = ${version}; PRAGMA wal_checkpoint(TRUNCATE)`);
  db.close();
}

/** Overwrites bytes `from` up to `to` with a fixed pattern that is no page of a database. */
function scribble(path: string, from: number, to: number): void {
  const bytes = readFileSync(path);
  for (let at = from; at < Math.min(to, bytes.length); at++) bytes[at] = (at * 31 + 7) & 0xff;
  writeFileSync(path, bytes);
}

function halve(path: string): void {
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.subarray(0, bytes.length >> 1));
}
