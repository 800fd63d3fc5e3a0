/** `keys create|list|show|change|rotate|revoke`. */

import type { Command } from "commander";
import type { CreatedKeyJson, KeyJson, KeyListJson, KeyRequestJson } from "../control/schemas.ts";
import type { RegionListJson } from "../control/status-schemas.ts";
import {
  addControlOptions,
  type ControlOptions,
  type ControlPlane,
  callControl,
  findControlPlane,
} from "./control-client.ts";
import { collect, parseDurationText, parseInstantOrDuration, parseWhole } from "./option-values.ts";
import { factLines, print, printJson, shortInstant, tableLines } from "./output.ts";

type Options = ControlOptions & { readonly json?: boolean };

interface CreateOptions extends Options {
  readonly plan: string;
  readonly name?: string;
  readonly owner?: string;
  readonly expires?: string;
  readonly test?: boolean;
  readonly referer?: string[];
  readonly address?: string[];
  readonly route?: string[];
}

interface ChangeOptions extends Partial<Omit<CreateOptions, keyof Options>>, Options {
  /** An instant, or `never`. */
  readonly expires?: string;
  readonly ifVersion?: number;
}

interface ListOptions extends Options {
  readonly owner?: string;
  readonly limit: number;
  readonly after?: string;
}

/** Keys that one page of the API holds. */
const pageMax = 1_000;
/** Keys listed at most: for more there is the API. */
const listMax = 1_000_000;

export function addKeyCommands(program: Command): void {
  const keys = program
    .command("keys")
    .description("make, list, show, change, rotate and revoke keys")
    .helpCommand(false);

  addControlOptions(
    keys
      .command("create")
      .description("make a key; its secret is printed once")
      .requiredOption("--plan <plan>", "plan of the configuration")
      .option("--name <name>", "for people")
      .option("--owner <owner>", "whose key it is")
      .option(
        "--expires <time>",
        "2026-12-31, or a duration from now: 30d",
        parseInstantOrDuration(1),
      )
      .option("--test", "a test key: its text says so")
      .option("--referer <host>", "only from this site; repeatable", collect)
      .option("--address <cidr>", "only from these addresses; repeatable", collect)
      .option("--route <path>", "only for this route; repeatable", collect),
  ).action(createKey);

  addControlOptions(
    keys
      .command("list")
      .description("keys in order of their ids")
      .option("--owner <owner>", "only those of this owner")
      .option("--limit <n>", "at most so many", (text) => parseWhole(text, 1, listMax), 100)
      .option("--after <id>", "go on behind this id"),
  ).action(listKeys);

  addControlOptions(
    keys.command("show").description("one key").argument("<id>", "key id: k_…"),
  ).action(async (id: string, options: Options) => {
    const plane = findControlPlane(options);
    printKey(await callControl<KeyJson>(plane, { path: keyPath(id) }), options);
  });

  addControlOptions(
    keys
      .command("change")
      .description("another plan, name, expiry or restriction; what it has used stays")
      .argument("<id>", "key id: k_…")
      .option("--plan <plan>", "plan of the configuration")
      .option("--name <name>", "for people")
      .option("--expires <time>", "2026-12-31, a duration from now: 30d, or never", parseExpiry)
      .option("--referer <host>", "only from this site; repeatable; '' alone: from all", collect)
      .option("--address <cidr>", "only from these addresses; repeatable; '' alone: all", collect)
      .option("--route <path>", "only for this route; repeatable; '' alone: all", collect)
      .option("--if-version <n>", "only if it is still this version", (text) =>
        parseWhole(text, 0, Number.MAX_SAFE_INTEGER),
      ),
  ).action(changeKey);

  addControlOptions(
    keys
      .command("rotate")
      .description("a new secret for the same key and count; it is printed once")
      .argument("<id>", "key id: k_…")
      .option(
        "--overlap <duration>",
        "how long the older secrets still work",
        parseDurationText,
        "24h",
      ),
  ).action(async (id: string, options: Options & { overlap: string }) => {
    const plane = findControlPlane(options);
    const rotated = await callControl<CreatedKeyJson>(plane, {
      method: "POST",
      path: `${keyPath(id)}/rotate`,
      body: { overlap: options.overlap },
    });
    await printSecret(rotated, plane, options);
  });

  addControlOptions(
    keys.command("revoke").description("end a key for good").argument("<id>", "key id: k_…"),
  ).action(async (id: string, options: Options) => {
    const plane = findControlPlane(options);
    const key = await callControl<KeyJson>(plane, { method: "DELETE", path: keyPath(id) });
    if (options.json) printJson(key);
    else print(`${key.id} is revoked.`);
  });
}

function keyPath(id: string): string {
  return `/v1/keys/${encodeURIComponent(id)}`;
}

async function createKey(options: CreateOptions): Promise<void> {
  const plane = findControlPlane(options);
  const { plan, name = "", owner = "", expires, test } = options;
  const body: KeyRequestJson = {
    plan,
    name,
    owner,
    expiresAt: expires ?? null,
    mode: test ? "test" : "live",
    restrict: {
      referers: options.referer ?? [],
      addresses: options.address ?? [],
      routes: options.route ?? [],
    },
  };
  const path = "/v1/keys";
  const created = await callControl<CreatedKeyJson>(plane, { method: "POST", path, body });
  await printSecret(created, plane, options);
}

async function changeKey(id: string, options: ChangeOptions): Promise<void> {
  const { plan, name, expires, ifVersion } = options;
  const lists = { referers: options.referer, addresses: options.address, routes: options.route };
  const restrict = Object.fromEntries(
    Object.entries(lists).flatMap(([field, values]) => {
      return values === undefined ? [] : [[field, values.filter((value) => value !== "")]];
    }),
  );
  const body = {
    plan,
    name,
    ...(expires === undefined ? {} : { expiresAt: expires === "never" ? null : expires }),
    ...(Object.keys(restrict).length === 0 ? {} : { restrict }),
  };
  const headers = ifVersion === undefined ? {} : { "if-match": `"${ifVersion}"` };
  const plane = findControlPlane(options);
  const request = { method: "PATCH", path: keyPath(id), body, headers } as const;
  printKey(await callControl<KeyJson>(plane, request), options);
}

function parseExpiry(text: string): string {
  return text === "never" ? text : parseInstantOrDuration(1)(text);
}

async function listKeys(options: ListOptions): Promise<void> {
  const plane = findControlPlane(options);
  const keys: KeyJson[] = [];
  let next: string | null | undefined = options.after;
  do {
    const limit = Math.min(options.limit - keys.length, pageMax);
    const query = { limit, owner: options.owner, after: next ?? undefined };
    const page: KeyListJson = await callControl(plane, { path: "/v1/keys", query });
    keys.push(...page.keys);
    next = page.next;
  } while (next !== null && keys.length < options.limit);
  if (options.json) {
    printJson({ keys, next });
    return;
  }
  const titles = ["id", "plan", "name", "owner", "created", "expires", "state"];
  const rows = keys.map((key) => [
    key.id,
    key.plan,
    key.name,
    key.owner,
    shortInstant(key.createdAt),
    shortInstant(key.expiresAt),
    keyState(key),
  ]);
  for (const line of tableLines(
    titles.map((title) => ({ title })),
    rows,
  ))
    print(line);
  if (next !== null) print(`There are more: --after ${next}, or a higher --limit.`);
}

function keyState(key: KeyJson): string {
  if (key.revoked) return "revoked";
  return key.expiresAt !== null && Date.parse(key.expiresAt) <= Date.now() ? "expired" : "active";
}

function printKey(key: KeyJson, options: Options): void {
  if (options.json) {
    printJson(key);
    return;
  }
  for (const line of factLines(keyFacts(key))) print(line);
}

function keyFacts(key: KeyJson): [string, string][] {
  const facts: [string, string][] = [
    ["id", key.id],
    ["plan", key.plan],
    ["name", key.name],
    ["owner", key.owner],
    ["created", shortInstant(key.createdAt)],
    ["expires", shortInstant(key.expiresAt)],
    ["state", keyState(key)],
    ["referers", key.restrict.referers.join(", ")],
    ["addresses", key.restrict.addresses.join(", ")],
    ["routes", key.restrict.routes.join(", ")],
    ...key.credentials.map((credential): [string, string] => [
      "secret",
      `${credential.id} of ${shortInstant(credential.createdAt)}, expires ${shortInstant(credential.expiresAt)}${credential.revoked ? ", revoked" : ""}`,
    ]),
  ];
  return facts.filter(([, value]) => value !== "");
}

async function printSecret(
  created: CreatedKeyJson,
  plane: ControlPlane,
  options: Options,
): Promise<void> {
  if (options.json) {
    printJson(created);
    return;
  }
  const facts: [string, string][] = [
    ["key", `${created.key}   (shown this one time)`],
    ...keyFacts(created).filter(([name]) => name !== "secret"),
  ];
  for (const line of factLines(facts)) print(line);
  const regions = await callControl<RegionListJson>(plane, { path: "/v1/regions" });
  const line = curlLine(regions, created.key);
  if (line !== undefined) print(`\ntry it: ${line}`);
}

/** A call that shows what the key has used; undefined if no region or place for a key is known. */
export function curlLine(list: RegionListJson, key: string, path = "/-/usage"): string | undefined {
  const listen = list.regions.find((region) => region.listen !== "")?.listen;
  const place = list.keysFrom[0];
  if (listen === undefined || place === undefined) return undefined;
  const url = `http://${listen.replace(/^(0\.0\.0\.0|\[::\]):/, "127.0.0.1:")}${path}`;
  if (place === "bearer") return `curl -H 'authorization: Bearer ${key}' ${url}`;
  const name = place.slice(place.indexOf(":") + 1);
  if (place.startsWith("header:")) return `curl -H '${name}: ${key}' ${url}`;
  return `curl '${url}?${name}=${key}'`;
}
