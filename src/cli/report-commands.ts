/** `status` and `verify`: how the cluster does, and whether its numbers are true. */

import type { Command } from "commander";
import type { RegionJson, StatusJson, VerifyJson } from "../control/status-schemas.ts";
import {
  addControlOptions,
  type ControlOptions,
  callControl,
  findControlPlane,
} from "./control-client.ts";
import {
  factLines,
  grouped,
  print,
  printJson,
  shortBytes,
  shortInstant,
  shortMs,
  tableLines,
} from "./output.ts";
import { startProgress } from "./progress.ts";

type Options = ControlOptions & { readonly json?: boolean };

/** Just over the hour that the control plane gives a verification. */
const verifyMsMax = 3_660_000;

export function addReportCommands(program: Command): void {
  addControlOptions(
    program.command("status").description("regions, lag, versions, journal and stream"),
  ).action(async (options: Options) => {
    const status = await callControl<StatusJson>(findControlPlane(options), { path: "/v1/status" });
    if (options.json) printJson(status);
    else printStatus(status);
  });

  addControlOptions(
    program
      .command("lift-fence")
      .description(
        "after a restore: let strict limits grant in windows that had begun before it; only if no other hub runs",
      ),
  ).action(async (options: Options) => {
    const path = "/v1/leases/lift-fence";
    const status = await callControl<StatusJson>(findControlPlane(options), {
      method: "POST",
      path,
    });
    if (options.json) printJson(status);
    else print("Strict limits grant again, in windows that had begun before the restore, too.");
  });

  addControlOptions(
    program
      .command("verify")
      .description("recompute every total and compare; exit 1 if anything differs"),
  ).action(async (options: Options) => {
    const plane = findControlPlane(options);
    const progress = startProgress("verifying");
    let report: VerifyJson;
    try {
      report = await callControl<VerifyJson>(plane, {
        method: "POST",
        path: "/v1/verify",
        timeoutMs: verifyMsMax,
      });
    } finally {
      progress.stop();
    }
    if (options.json) printJson(report);
    else printVerify(report);
    process.exitCode = report.ok ? 0 : 1;
  });
}

function printStatus(status: StatusJson): void {
  const { stream, registry, checkpoint, backup } = status;
  const facts: [string, string][] = [
    ["cluster", status.clusterId],
    ["version", formatVersion(status.version)],
    ["time", shortInstant(status.time)],
    ["stream", `${stream.first}–${stream.last}, ${shortBytes(stream.bytes)}`],
    ["checkpoint", `${checkpoint.position} at ${shortInstant(checkpoint.at)}`],
    ["ledger", `${grouped(status.counters)} counters, ${shortBytes(status.ledgerBytes)}`],
    ["keys", `${grouped(registry.keys)}, version ${registry.version}`],
    ["backup", backup === null ? "none" : `${backup.position} at ${shortInstant(backup.at)}`],
  ];
  const { leases } = status;
  if (leases.counters > 0) {
    const { heldUnits, unusedUnits, counters } = leases;
    const units = `${grouped(heldUnits)} units out, ${grouped(unusedUnits)} of them not used`;
    facts.push(["leases", `${units}, of ${grouped(counters)} counters`]);
  }
  facts.push([
    "overshoot",
    `at most about ${grouped(status.overshoot.boundUnits)} units a counter`,
  ]);
  for (const line of factLines(facts)) print(line);
  for (const closed of status.overshoot.closed) {
    if (closed.units === 0) continue;
    const { plan, limit, window, counters, units, largestUnits, boundUnits } = closed;
    print(
      `  ${plan}/${limit}, ${window}: ${grouped(units)} units over on ${grouped(counters)} counters, at most ${grouped(largestUnits)} on one; bound ${grouped(boundUnits)}`,
    );
  }
  print();
  for (const line of regionLines(status.regions)) print(line);
  const troubles = [
    ...status.gaps.map(({ producer, from }) => `${producer}: waiting for batch ${from}`),
    ...status.lost.map(({ producer, from, to }) => `${producer}: lost batches ${from}–${to}`),
    ...status.warnings,
  ];
  if (troubles.length > 0) print();
  for (const trouble of troubles) print(`! ${trouble}`);
}

function formatVersion(version: { epoch: number; position: number }): string {
  return `${version.epoch}/${version.position}`;
}

const right = "right" as const;
const regionColumns = [
  { title: "region" },
  { title: "health" },
  { title: "listen" },
  { title: "calls/s", align: right },
  { title: "lag p50", align: right },
  { title: "lag p99", align: right },
  { title: "behind", align: right },
  { title: "unacked", align: right },
  { title: "heard", align: right },
  { title: "view" },
  { title: "journal" },
];

export function regionLines(regions: readonly RegionJson[]): string[] {
  const rows = regions.flatMap((region) => {
    if (region.processes.length === 0) return [[region.name, region.health, region.listen]];
    return region.processes.map((process) => [
      region.processes.length === 1 ? region.name : `${region.name}/${process.process}`,
      region.health,
      process.listen,
      process.callsPerSecond.toFixed(0),
      shortMs(process.lagP50Ms),
      shortMs(process.lagP99Ms),
      grouped(process.viewBehind),
      grouped(process.unacknowledgedUnits),
      process.connected ? `${shortMs(process.heardAgoMs)} ago` : "gone",
      formatVersion(process.view),
      `${process.journalState}, ${shortBytes(process.journalBytes)}`,
    ]);
  });
  return tableLines(regionColumns, rows);
}

function printVerify(report: VerifyJson): void {
  const { version, sealedPosition, records, counters, rows, regions } = report;
  print(
    `Recomputed ${grouped(counters)} counters and ${grouped(rows)} rows from the checkpoint at ${sealedPosition} and ${grouped(records)} records, up to ${formatVersion(version)}.`,
  );
  for (const { name, process, result } of regions) print(`  ${name}/${process}: ${result}`);
  for (const problem of report.problems) print(`! ${problem}`);
  if (report.differences.length > 0) {
    const columns = [
      { title: "where" },
      { title: "window" },
      { title: "subject" },
      { title: "expected", align: right },
      { title: "found", align: right },
    ];
    const cells = report.differences.map((difference) => [
      difference.where,
      difference.window,
      difference.subject,
      grouped(difference.expected),
      grouped(difference.found),
    ]);
    print();
    for (const line of tableLines(columns, cells)) print(line);
    const more = report.differenceCount - report.differences.length;
    if (more > 0) print(`… and ${grouped(more)} more`);
  }
  print(report.ok ? "All equal." : "NOT equal.");
}
