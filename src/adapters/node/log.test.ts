import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { TallygateError } from "../../base/errors.ts";
import { nodeLog } from "./log.ts";

function lines(): { to: { write(text: string): void }; all: Record<string, unknown>[] } {
  const all: Record<string, unknown>[] = [];
  return {
    all,
    to: { write: (text) => void all.push(JSON.parse(text) as Record<string, unknown>) },
  };
}

test("a line holds level, time, message, the log's fields and the event's", () => {
  const { to, all } = lines();
  const log = nodeLog({ to, fields: { component: "gateway", region: "sydney" } });
  log.info("listening", { port: 8081 });
  log.warn("slow");
  assert.equal(all.length, 2);
  const { time, ...first } = all[0] as Record<string, unknown>;
  assert.deepEqual(first, {
    level: "info",
    component: "gateway",
    region: "sydney",
    port: 8081,
    message: "listening",
  });
  assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.equal(all[1]?.["level"], "warn");
});

test("an error's cause is written with its own causes", () => {
  const { to, all } = lines();
  const vendor = Object.assign(new Error("SQLITE_FULL"), { code: "ERR_SQLITE" });
  nodeLog({ to }).error("failed", {}, new TallygateError("journal-failed", "sealing", vendor));
  const error = all[0]?.["error"] as { code: string; cause: { code: string } };
  assert.equal(error.code, "journal-failed");
  assert.equal(error.cause.code, "ERR_SQLITE");
});

test("a cause that is no error is written as it is", () => {
  const { to, all } = lines();
  nodeLog({ to }).error("failed", { call: "r1" }, "thrown text");
  assert.equal(all[0]?.["error"], "thrown text");
  nodeLog({ to }).error("failed");
  assert.ok(!("error" in (all[1] ?? {})));
});

test("levels below the asked one are not written", () => {
  const { to, all } = lines();
  const log = nodeLog({ to, level: "error" });
  log.info("a");
  log.warn("b");
  log.error("c");
  assert.deepEqual(
    all.map((line) => line["message"]),
    ["c"],
  );
});

test("by default lines go to standard error and survive a process that exits at once", () => {
  const source = `
    import { nodeLog } from ${JSON.stringify(new URL("./log.ts", import.meta.url).href)};
    const log = nodeLog();
    for (let i = 0; i < 100; i++) log.info("line", { i });
    process.exit(3);
  `;
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", source], {
    timeout: 20_000,
    encoding: "utf8",
  });
  assert.equal(child.status, 3);
  assert.equal(child.stderr.trim().split("\n").length, 100);
});
