/** `owners list|show` and `events`: whose keys there are, and what happened. */

import type { Command } from "commander";
import type { EventListJson, OwnerJson, OwnerListJson } from "../control/cluster-schemas.ts";
import {
  addControlOptions,
  type ControlOptions,
  callControl,
  findControlPlane,
} from "./control-client.ts";
import { parseWhole } from "./option-values.ts";
import { factLines, grouped, print, printJson, shortInstant, tableLines } from "./output.ts";

type Options = ControlOptions & { readonly json?: boolean };
type OwnerOptions = Options & { readonly limit: number; readonly after?: string };
type EventOptions = Options & {
  readonly limit: number;
  readonly before?: number;
  readonly kind?: string;
  readonly subject?: string;
};

/** Of one page of the API. */
const pageMax = 1_000;

const limitOption = ["--limit <n>", "at most so many"] as const;
const wholeLimit = (text: string): number => parseWhole(text, 1, pageMax);

export function addClusterCommands(program: Command): void {
  const owners = program.command("owners").description("whose keys there are").helpCommand(false);

  addControlOptions(
    owners
      .command("list")
      .description("owners by name")
      .option(...limitOption, wholeLimit, 100)
      .option("--after <owner>", "go on behind this one"),
  ).action(async ({ limit, after, ...options }: OwnerOptions) => {
    const query = { limit, after };
    const plane = findControlPlane(options);
    const list = await callControl<OwnerListJson>(plane, { path: "/v1/owners", query });
    if (options.json) return printJson(list);
    for (const line of tableLines(
      [{ title: "owner" }],
      list.owners.map(({ owner }) => [owner]),
    )) {
      print(line);
    }
    if (list.next !== null) print(`There are more: --after '${list.next}', or a higher --limit.`);
  });

  addControlOptions(
    owners.command("show").description("keys and plans of one owner").argument("<owner>", "name"),
  ).action(async (name: string, options: Options) => {
    const path = `/v1/owners/${encodeURIComponent(name)}`;
    const owner = await callControl<OwnerJson>(findControlPlane(options), { path });
    if (options.json) return printJson(owner);
    const facts: [string, string][] = [
      ["owner", owner.owner],
      ["keys", `${grouped(owner.keys)}${owner.complete ? "" : " and more"}`],
      ["active", grouped(owner.active)],
      ["plans", owner.plans.join(", ")],
      ["since", shortInstant(owner.since)],
    ];
    for (const line of factLines(facts)) print(line);
  });

  addControlOptions(
    program
      .command("events")
      .description("what happened to the cluster, newest first")
      .option("--kind <kind>", "only these: hub, region, warning, lost, backup, config")
      .option("--subject <name>", "only of this region or producer")
      .option(...limitOption, wholeLimit, 50)
      .option("--before <n>", "go on behind this event", (text) =>
        parseWhole(text, 1, Number.MAX_SAFE_INTEGER),
      ),
  ).action(async ({ limit, before, kind, subject, ...options }: EventOptions) => {
    const query = { limit, before, kind, subject };
    const plane = findControlPlane(options);
    const list = await callControl<EventListJson>(plane, { path: "/v1/events", query });
    if (options.json) return printJson(list);
    const columns = ["event", "at", "kind", "subject", "detail"].map((title) => ({ title }));
    const rows = list.events.map((event) => {
      return [String(event.seq), shortInstant(event.at), event.kind, event.subject, event.detail];
    });
    for (const line of tableLines(columns, rows)) print(line);
    if (list.next !== null) print(`There are more: --before ${list.next}, or a higher --limit.`);
  });
}
