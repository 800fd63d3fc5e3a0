/** One process of a cluster without `dev`: nothing starts it again, and the others need not run. */

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { type Cluster, mainFile, until } from "./cluster.ts";

export interface AloneProcess {
  readonly pid: number;
  /** From the start of the process to its first ready answer. */
  readonly readyMs: number;
  output(): string;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** A region's gateway on the cluster's folder and ports, after `killAll`. Resolves when it is ready. */
export async function gatewayAlone(
  cluster: Cluster,
  region: string,
  readyMsMax = 20_000,
): Promise<AloneProcess> {
  const { url, operations } = cluster.region(region);
  const address = (text: string): string => new URL(text).host;
  const child = spawn(
    process.execPath,
    [
      ...[mainFile, "gateway", "--region", region],
      ...["--config", cluster.config, "--data", cluster.data],
      ...["--listen", address(url), "--operations", address(operations)],
      ...["--hub-url", cluster.state.hub.url],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-20_000);
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const isReady = async () => (await fetch(`${operations}/health/ready`)).status === 200;
  const stop = (): Promise<number | null> => {
    child.kill("SIGTERM");
    return ended;
  };
  try {
    const readyMs = await until(isReady, readyMsMax, "the gateway is ready");
    return { pid: child.pid ?? 0, readyMs, output: () => output, stop };
  } catch (error) {
    await stop();
    throw new Error(`${error instanceof Error ? error.message : ""}\n${output}`, { cause: error });
  }
}

/** Resident memory of a process, MB (10^6 bytes). Linux only: undefined elsewhere. */
export function residentMegabytes(pid: number): number | undefined {
  try {
    const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return (Number(kilobytes) * 1024) / 1e6;
  } catch {
    return undefined;
  }
}
