/**
 * Issue, row 7: broken requests, made from those of the table by a seed, against a real gateway. It never ends, no promise
 * fails unheard, nothing is answered 500, and what reaches the upstream are whole requests of the gateway's own making,
 * never more than were charged.
 *
 * Everyday form: 3,000 requests; `TALLYGATE_LONG=1`: 100,000.
 */

import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { seededRandom } from "../../src/base/random.ts";
import { until } from "../support/cluster.ts";
import { fieldOf } from "../support/raw-http.ts";
import { brokenRequest } from "./generate.ts";
import { DoorRig } from "./rig.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";
const requests = isLong ? 100_000 : 3_000;
const seed = 20_261_127;

const atOnce = 32;

/** A request that is not answered by then waits for more: our side ends. */
const patienceMs = 15;

test(`${requests} broken requests end nothing and get no 500`, {
  timeout: 1_800_000,
}, async (t) => {
  const rig = await DoorRig.start({
    listener: "headTimeout: 1s, bodyTimeout: 1s, replyTimeout: 1s, idleTimeout: 1s, bodyMax: 64KiB",
  });
  try {
    const random = seededRandom(seed);
    const statuses = new Map<string, number>();
    let left = requests;
    const client = async (): Promise<void> => {
      while (left-- > 0) {
        const text = rig.fill(brokenRequest(random));
        const answer = await send(rig.port, text);
        const found = answer.match(/^HTTP\/1\.1 \d{3}(?= )/gm) ?? ["none"];
        for (const line of found) statuses.set(line, (statuses.get(line) ?? 0) + 1);
        assert.ok(!found.includes("HTTP/1.1 500"), JSON.stringify(text));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, client));
    const told = [...statuses]
      .toSorted()
      .map(([line, count]) => `${line.slice(-4).trim()}: ${count}`);
    t.diagnostic(told.join(", "));
    await checkForwarded(rig);
    const { cluster } = rig;
    assert.equal(cluster.region("sydney").pid, rig.pid, "the gateway is the process that it was");
    assert.doesNotMatch(
      cluster.output,
      /promise of a handler failed|could not be handled|rejection/i,
    );
    t.diagnostic(`figure: ${requests} requests, 0 crashes, 0 unhandled rejections, 0 answers 500`);
  } finally {
    await rig.stop();
  }
});

async function checkForwarded(rig: DoorRig): Promise<void> {
  const ids = new Set<string>();
  for (const request of rig.recorder.requests) {
    const id = fieldOf(request, "x-request-id") ?? "";
    assert.match(id, /^[0-9a-f]+-[0-9a-z]+$/, "one request is one of the gateway's");
    assert.ok(!ids.has(id), "no request is there twice");
    ids.add(id);
    assert.equal(fieldOf(request, "via")?.endsWith("1.1 tallygate"), true);
    assert.match(request.start, /^[A-Z-]+ \/[!-~]* HTTP\/1\.1$/);
  }
  const isCharged = async (): Promise<boolean> => {
    const { stdout } = await rig.cluster.command("usage", "--by", "region", "--json");
    const { rows } = JSON.parse(stdout) as { rows: { calls: number }[] };
    return rows.reduce((sum, { calls }) => sum + calls, 0) >= ids.size;
  };
  await until(isCharged, 10_000, `${ids.size} forwarded, as many charged`);
}

/** What comes until the other side closes. */
function send(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    let timer: NodeJS.Timeout | undefined;
    const wait = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => socket.end(), patienceMs);
    };
    socket.setEncoding("latin1");
    socket.on("connect", () => {
      socket.write(text, "latin1");
      wait();
    });
    socket.on("data", (chunk: string) => {
      answer += chunk;
      wait();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}
