/** `tokens create|list|revoke` and `audit`: who may use the control plane, and what they did. */

import { type Command, Option } from "commander";
import type {
  AuditCheckJson,
  AuditListJson,
  CreatedTokenJson,
  TokenListJson,
  TokenRequestJson,
} from "../control/token-schemas.ts";
import { checkArchives } from "./audit-archive.ts";
import {
  addControlOptions,
  type ControlOptions,
  callControl,
  findControlPlane,
  sendControl,
} from "./control-client.ts";
import { parseInstantOrDuration, parseWhole } from "./option-values.ts";
import { factLines, grouped, print, printJson, shortInstant, tableLines } from "./output.ts";

type Options = ControlOptions & { readonly json?: boolean };

interface CreateOptions extends Options {
  readonly name: string;
  readonly role: "admin" | "read-only";
  readonly owner?: string;
  readonly expires?: string;
}

interface AuditOptions extends Options {
  readonly limit: number;
  readonly before?: number;
  readonly actor?: string;
  readonly target?: string;
}

interface CheckOptions extends Options {
  readonly noted?: string;
}

/** Entries of one page of the API. */
const auditMax = 1_000;
/** A log of millions of entries. */
const checkMsMax = 600_000;

export function addTokenCommands(program: Command): void {
  const tokens = program
    .command("tokens")
    .description("make, list and revoke tokens of the control plane")
    .helpCommand(false);

  addControlOptions(
    tokens
      .command("create")
      .description("make a token; its secret is printed once")
      .requiredOption("--name <name>", "for people")
      .addOption(
        new Option("--role <role>", "what it may do")
          .choices(["admin", "read-only"])
          .default("read-only"),
      )
      .option("--owner <owner>", "good for the keys and the usage of this owner only")
      .option(
        "--expires <time>",
        "2026-12-31, or a duration from now: 30d",
        parseInstantOrDuration(1),
      ),
  ).action(createToken);

  addControlOptions(
    tokens.command("list").description("tokens in order of their making, without secrets"),
  ).action(listTokens);

  addControlOptions(
    tokens
      .command("revoke")
      .description("end a token at once and for good")
      .argument("<id>", "token id: t_…"),
  ).action(async (id: string, options: Options) => {
    const path = `/v1/tokens/${encodeURIComponent(id)}`;
    await sendControl(findControlPlane(options), { method: "DELETE", path });
    if (options.json) printJson({ id, revoked: true });
    else print(`${id} is revoked.`);
  });
}

export function addAuditCommands(program: Command): void {
  const audit = program
    .command("audit")
    .description("changes made through the control plane")
    .helpCommand(false);

  addControlOptions(
    audit
      .command("list")
      .description("changes, newest first")
      .option("--actor <id>", "only by this token; `admin`: that of the data folder")
      .option("--target <id>", "only of this key or token")
      .option("--limit <n>", "at most so many", (text) => parseWhole(text, 1, auditMax), 100)
      .option("--before <n>", "go on behind this entry", (text) =>
        parseWhole(text, 1, Number.MAX_SAFE_INTEGER),
      ),
  ).action(listAudit);

  addControlOptions(
    audit
      .command("check")
      .description("recompute the chain of the log; exit 1 if it does not hold")
      .option("--noted <seq:hash>", "what an earlier check printed: shows that no end was cut off"),
  ).action(checkAudit);

  audit
    .command("archives")
    .description("recompute the chain of archived entries; exit 1 if it does not hold")
    .argument("<files...>", "of <data>/hub/audit, or from where they were moved to")
    .option("--json", "print one JSON document")
    .action(checkArchiveFiles);
}

function checkArchiveFiles(files: readonly string[], options: { readonly json?: boolean }): void {
  const { archives, gaps } = checkArchives(files);
  const isWhole = gaps.length === 0 && archives.every(({ firstBroken }) => firstBroken === null);
  process.exitCode = isWhole ? 0 : 1;
  if (options.json) {
    printJson({ ok: isWhole, archives, gaps });
    return;
  }
  for (const { file, before, head, firstBroken } of archives) {
    const entries = `entries ${before.seq + 1} to ${head.seq}`;
    const what = firstBroken === null ? "whole" : `entry ${firstBroken} does not follow`;
    print(`${file}: ${entries}, ${what}`);
  }
  for (const file of gaps) print(`${file} does not go on where the one before it ends.`);
  const last = archives.at(-1);
  if (isWhole && last !== undefined) print(`To compare: ${last.head.seq}:${last.head.hash}`);
}

async function createToken(options: CreateOptions): Promise<void> {
  const { name, role, owner = "", expires } = options;
  const body: TokenRequestJson = { name, role, owner, expiresAt: expires ?? null };
  const plane = findControlPlane(options);
  const path = "/v1/tokens";
  const created = await callControl<CreatedTokenJson>(plane, { method: "POST", path, body });
  if (options.json) {
    printJson(created);
    return;
  }
  const facts: [string, string][] = [
    ["token", `${created.token}   (shown this one time)`],
    ["id", created.id],
    ["name", created.name],
    ["role", created.role],
    ...(created.owner === "" ? [] : [["owner", created.owner] satisfies [string, string]]),
    ["expires", shortInstant(created.expiresAt)],
  ];
  for (const line of factLines(facts)) print(line);
}

async function listTokens(options: Options): Promise<void> {
  const list = await callControl<TokenListJson>(findControlPlane(options), { path: "/v1/tokens" });
  if (options.json) {
    printJson(list);
    return;
  }
  const columns = ["id", "name", "role", "owner", "created", "expires"].map((title) => ({ title }));
  const rows = list.tokens.map((token) => [
    token.id,
    token.name,
    token.role,
    token.owner,
    shortInstant(token.createdAt),
    shortInstant(token.expiresAt) + (token.expired ? ", expired" : ""),
  ]);
  for (const line of tableLines(columns, rows)) print(line);
}

async function listAudit(options: AuditOptions): Promise<void> {
  const { limit, before, actor, target } = options;
  const query = { limit, before, actor, target };
  const plane = findControlPlane(options);
  const list = await callControl<AuditListJson>(plane, { path: "/v1/audit", query });
  if (options.json) {
    printJson(list);
    return;
  }
  const titles = ["entry", "at", "actor", "action", "target", "change"];
  const rows = list.entries.map((entry) => [
    String(entry.seq),
    shortInstant(entry.at),
    entry.actor,
    entry.action,
    entry.target,
    entry.change,
  ]);
  for (const line of tableLines(
    titles.map((title) => ({ title })),
    rows,
  ))
    print(line);
  if (list.next !== null) print(`There are more: --before ${list.next}, or a higher --limit.`);
}

async function checkAudit(options: CheckOptions): Promise<void> {
  const [seq, hash] = options.noted?.split(":") ?? [];
  const report = await callControl<AuditCheckJson>(findControlPlane(options), {
    ...{ path: "/v1/audit/check", query: { seq, hash }, timeoutMs: checkMsMax },
  });
  process.exitCode = report.ok ? 0 : 1;
  if (options.json) {
    printJson(report);
    return;
  }
  const { entries, firstBroken, head, noted } = report;
  if (firstBroken !== null) print(`Entry ${firstBroken} does not follow from the one before it.`);
  if (noted === false) print("The entry that was noted is gone or another one.");
  if (report.ok) print(`${grouped(entries)} entries, each following from the one before it.`);
  if (report.archivedTo > 0) print(`Entries up to ${report.archivedTo} are in archives.`);
  if (head !== null) print(`To note: ${head.seq}:${head.hash}`);
}
