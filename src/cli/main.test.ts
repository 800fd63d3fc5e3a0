import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { getRequestListener } from "@hono/node-server";
import type { Command } from "commander";
import { createControl } from "../control/control.ts";
import type { CreatedKeyJson, KeyListJson } from "../control/schemas.ts";
import {
  adminToken,
  createFakeHub,
  type FakeHub,
  verifyReport,
} from "../control/testing/fake-hub.ts";
import { createProgram } from "./program.ts";

const mainFile = fileURLToPath(new URL("./main.ts", import.meta.url));

let folder: string;
let server: Server;
let fake: FakeHub;
let url: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "tallygate-cli-"));
  fake = createFakeHub();
  const listener = getRequestListener(createControl(fake.context).fetch);
  server = createServer((request, response) => void listener(request, response));
  server.listen({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sums = { calls: 1_234, units: 5_000, refundedCalls: 0, refundedUnits: 0 };
  fake.rows = [{ window: "2026-11-01T00:00:00Z", value: "k_1", ...sums }];
});
after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Runs the command line in the test's folder, talking to the fake hub unless `environment` says otherwise. */
function tallygate(line: string, environment?: Record<string, string>): Promise<Ended> {
  const { TALLYGATE_URL: _, TALLYGATE_TOKEN: __, ...others } = process.env;
  const env = {
    ...others,
    ...(environment ?? { TALLYGATE_URL: url, TALLYGATE_TOKEN: adminToken }),
  };
  const given = line.split(" ").filter((word) => word !== "");
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [mainFile, ...given],
      { cwd: folder, env },
      (failure, out, error) => {
        resolve({ code: failure === null ? 0 : Number(failure.code), out, error });
      },
    );
  });
}

const json = <T>({ out }: Ended): T => JSON.parse(out) as T;

const usages: readonly (readonly [string, number, RegExp])[] = [
  ["--help", 0, /Commands:/],
  ["--version", 0, /^\d+\.\d+\.\d+/],
  ["", 2, /Usage:/],
  ["nonsense", 2, /unknown command 'nonsense'/],
  ["statsu", 2, /Did you mean status\?/],
  ["keys list --onwer acme", 2, /Did you mean --owner\?/],
  ["keys create", 2, /--plan <plan>' not specified/],
  ["keys create --plan pro --expires soon", 2, /Expected a time/],
  ["keys rotate k_1 --overlap soon", 2, /Expected a duration/],
  ["keys list --limit 0", 2, /whole number from 1/],
  ["usage --by colour", 2, /Allowed choices are key, owner/],
  ["usage --from yesterday", 2, /Expected a time/],
  ["dev --latency sydney", 2, /Expected REGION=DURATION/],
  ["dev --latency sydney=65", 2, /Expected REGION=DURATION/],
  ["dev --latency sydney=1h", 2, /over 5000 ms/],
  ["dev --base-port 99999", 2, /whole number from 1 to 65535/],
  ["gateway", 2, /--region <name>' not specified/],
  ["status --url ftp://example.com", 2, /not a URL/],
];

describe("exit codes", { concurrency: 4 }, () => {
  for (const [line, code, text] of usages) {
    test(`tallygate ${line} ends with ${code}`, async () => {
      const ended = await tallygate(line);
      assert.equal(ended.code, code, ended.error);
      assert.match(ended.out + ended.error, text);
      assert.equal(ended.out === "", code !== 0, "help is output, complaints are not");
    });
  }
});

test("the command line has the commands of the reference, each with help", () => {
  const leaves = (command: Command, path: string): [string, Command][] =>
    command.commands.length === 0
      ? [[path, command]]
      : command.commands.flatMap((child) => leaves(child, `${path} ${child.name()}`));
  const commands = leaves(createProgram(), "tallygate");
  assert.deepEqual(
    commands.map(([path]) => path.slice("tallygate ".length)),
    [
      ["init", "check", "dev", "hub", "gateway"],
      ["config apply", "config versions", "config show", "config rollback", "config release"],
      ["keys create", "keys list", "keys show", "keys change", "keys rotate", "keys revoke"],
      [
        "tokens create",
        "tokens list",
        "tokens revoke",
        "audit list",
        "audit check",
        "audit archives",
      ],
      ["usage", "owners list", "owners show", "events"],
      ["status", "lift-fence", "verify", "backup", "restore", "replay"],
    ].flat(),
  );
  for (const [path, command] of commands) {
    const help = command.helpInformation();
    assert.ok(help.startsWith(`Usage: ${path} `), help);
    assert.ok(command.description().length > 0, path);
  }
});

test("a key is made, found, rotated and revoked; its secret is printed with a call to try", async () => {
  const made = await tallygate("keys create --plan pro --name shop --owner acme --expires 30d");
  assert.equal(made.code, 0, made.error);
  const secret = /^key +(ipd_live_\S+) +\(shown this one time\)$/m.exec(made.out)?.[1] ?? "";
  assert.ok(made.out.includes(`curl -H 'x-api-key: ${secret}' http://127.0.0.1:8081/-/usage`));
  const { keys } = json<KeyListJson>(await tallygate("keys list --owner acme --json"));
  const id = keys[0]?.id ?? assert.fail("no key");
  assert.ok((await tallygate("keys list")).out.includes(id));
  assert.match((await tallygate(`keys show ${id}`)).out, /^name +shop$/m);
  const changed = await tallygate(`keys change ${id} --name kiosk --referer example.com`);
  assert.match(changed.out, /^name +kiosk$/m);
  assert.match(changed.out, /example\.com/);
  assert.equal((await tallygate(`keys change ${id} --name x --if-version 9999`)).code, 1);
  assert.match((await tallygate("owners show acme")).out, /^active +1$/m);
  assert.match((await tallygate("owners list")).out, /^acme$/m);
  assert.equal((await tallygate("events --limit 5")).code, 0);
  const rotated = json<CreatedKeyJson>(await tallygate(`keys rotate ${id} --overlap 0s --json`));
  assert.equal(rotated.id, id);
  assert.notEqual(rotated.key, secret);
  assert.match((await tallygate(`keys revoke ${id}`)).out, /is revoked/);
  const absent = await tallygate("keys show k_absent");
  assert.equal(absent.code, 1);
  assert.match(absent.error, /^tallygate: .*no key with this id\.\n$/);
});

test("a read-only token is made, used and revoked, and the audit log tells of it", async () => {
  const made = await tallygate("tokens create --name grafana --expires 30d");
  assert.equal(made.code, 0, made.error);
  const token = /^token +(tgt_\S+) +\(shown this one time\)$/m.exec(made.out)?.[1] ?? "";
  const id = /^id +(t_\S+)$/m.exec(made.out)?.[1] ?? "";
  assert.match((await tallygate(`tokens list --token ${token}`)).out, /grafana +read-only/);
  const refused = await tallygate(`keys create --plan pro --token ${token}`);
  assert.equal(refused.code, 1);
  assert.match(
    refused.error,
    /^tallygate: The token does not allow it: This token is read-only\.\n$/,
  );
  assert.match((await tallygate(`tokens revoke ${id}`)).out, /is revoked/);
  assert.equal((await tallygate(`tokens list --token ${token}`)).code, 1);
  const { out } = await tallygate(`audit list --target ${id}`);
  assert.match(out, /admin +revokeToken.*\n.*admin +createToken/);
  const checked = await tallygate("audit check");
  assert.equal(checked.code, 0, checked.error);
  const noted = /^To note: (\S+)$/m.exec(checked.out)?.[1] ?? "";
  assert.equal((await tallygate(`audit check --noted ${noted}`)).code, 0);
  const [seq, hash = ""] = noted.split(":");
  const other = await tallygate(`audit check --noted ${seq}:${hash.replaceAll(/./g, "0")}`);
  assert.deepEqual([other.code, /is gone or another one/.test(other.out)], [1, true]);
});

test("usage is a table, a JSON document, CSV or JSON lines", async () => {
  assert.match((await tallygate("usage")).out, /2026-11 +k_1 +1,234 +5,000/);
  assert.equal(json<{ rows: unknown[] }>(await tallygate("usage --json")).rows.length, 1);
  const csv = await tallygate("usage --csv --by owner --from 2026-11-01 --region sydney");
  assert.equal(
    csv.out,
    "window,owner,calls,units,refundedCalls,refundedUnits\r\n2026-11-01T00:00:00Z,k_1,1234,5000,0,0\r\n",
  );
  const lines = (await tallygate("usage --jsonl")).out.trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { value: string }).value),
    ["k_1"],
  );
  const query = fake.reports.at(0);
  assert.equal(query?.by, "owner");
  assert.deepEqual(query?.where, { region: "sydney" });
});

test("status shows regions and warnings", async () => {
  const { out } = await tallygate("status");
  assert.match(out, /^sydney +up +127\.0\.0\.1:8081/m);
  assert.match(out, /^! no backup was ever made/m);
});

test("verify ends with 0 when all is equal, and with 1 naming what differs", async () => {
  const good = await tallygate("verify");
  assert.deepEqual([good.code, good.out.endsWith("All equal.\n")], [0, true]);
  const difference = {
    where: "ledger",
    window: "month/x",
    subject: "key:k_1",
    expected: 5,
    found: 6,
  };
  const report = { ...verifyReport, ok: false, differences: [difference], differenceCount: 3 };
  fake.verify = () => Promise.resolve(report);
  const bad = await tallygate("verify");
  assert.equal(bad.code, 1);
  assert.match(bad.out, /ledger +month\/x +key:k_1 +5 +6/);
  assert.match(bad.out, /and 2 more/);
  assert.equal(json<typeof report>(await tallygate("verify --json")).differenceCount, 3);
});

test("a backup is written to a new file only", async () => {
  assert.equal((await tallygate("backup copy.db")).code, 0);
  assert.equal(readFileSync(join(folder, "copy.db"), "utf8"), "a backup");
  const again = await tallygate("backup copy.db");
  assert.equal(again.code, 1);
  assert.match(again.error, /already: .*copy\.db/);
});

test("a hub that does not run, a wrong token, a stranger's token: one sentence, exit 1", async () => {
  const dev = JSON.stringify({ hub: { pid: 1, url }, regions: {}, token: adminToken });
  writeFileSync(join(folder, "dev.json"), dev);
  const closed = createServer().listen({ host: "127.0.0.1", port: 0 });
  await once(closed, "listening");
  const closedPort = (closed.address() as AddressInfo).port;
  await new Promise((resolve) => closed.close(resolve));
  const cases: readonly (readonly [string, Record<string, string>, number, RegExp])[] = [
    ["status --data absent", {}, 1, /`tallygate dev` does not run on absent/],
    ["status --data .", {}, 0, /^$/],
    [`status --url http://127.0.0.1:${closedPort} --token x`, {}, 1, /nothing listens there/],
    [`status --url ${url} --token wrong`, {}, 1, /does not accept it/],
    ["status --data . --url http://example.com", {}, 1, /name the token of http:\/\/example\.com/],
  ];
  for (const [line, environment, code, error] of cases) {
    const ended = await tallygate(line, environment);
    assert.equal(ended.code, code, line + ended.error);
    assert.match(ended.error, error);
    assert.ok(ended.error.split("\n").length <= 2, ended.error);
  }
});

test("what init writes is not written over; a wrong file is refused with its line", async () => {
  const written = await tallygate("init made.yaml");
  assert.equal(written.code, 0, written.error);
  const again = await tallygate("init made.yaml");
  assert.equal(again.code, 1);
  assert.match(again.error, /stays as it is/);
  writeFileSync(join(folder, "wrong.yaml"), "version: 1\ncolour: red\n");
  const wrong = await tallygate("check wrong.yaml");
  assert.equal(wrong.code, 1);
  assert.match(wrong.out, /^wrong\.yaml:2:1: colour: /m);
  const started = await tallygate("dev --config wrong.yaml --data refused");
  assert.equal(started.code, 1);
  assert.match(started.error, /wrong\.yaml:2:1: colour/);
  assert.equal((await tallygate("check absent.yaml")).code, 1);
});
