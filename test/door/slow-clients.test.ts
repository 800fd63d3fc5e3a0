/**
 * Issue, row 3: slow clients by the thousand, who cost the others nothing; readers that take nothing; more connections than may be;
 * clients that leave.
 *
 * Everyday form: all four attacks at once, 40 connections each, for some seconds; `TALLYGATE_LONG=1`: one after the other,
 * 1,000 connections and a minute each, with the time-outs and the bound per address that a gateway has by default.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../support/cluster.ts";
import { percentile, startPaced } from "../support/load.ts";
import { type Answering, answerOk, callRaw, leaves } from "../support/raw-http.ts";
import { get } from "./cases/case.ts";
import { DoorRig } from "./rig.ts";
import { type AttackLetter, attacks, SlowAttack, slowhttptestMissing } from "./slow-attack.ts";

const isLong = process.env["TALLYGATE_LONG"] === "1";

const connections = isLong ? 1_000 : 40;
const calmBeforeMs = isLong ? 30_000 : 2_000;
const warmUpMs = isLong ? 5_000 : 500;
/** From the first connection of an attack to the last, and a little more. */
const gatherMs = isLong ? 22_000 : 1_200;
const attackMs = isLong ? 60_000 : 4_000;
const perAddressMax = isLong ? 1_000 : 160;
const connectionsMax = perAddressMax + 100;
const replyTimeoutMs = isLong ? 60_000 : 1_000;
const leaving = isLong ? 10_000 : 200;

const letters = Object.keys(attacks) as AttackLetter[];
/** Attacks at once. */
const waves: readonly (readonly AttackLetter[])[] = isLong ? letters.map((l) => [l]) : [letters];

const longReply = `HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n${"a".repeat(1_000_000)}`;

const answering: Answering = (request, socket) => {
  if (request.start.includes(" /long ")) socket.write(longReply);
  else answerOk(request, socket);
};

let rig: DoorRig;

before(async () => {
  const times = isLong ? "" : "replyTimeout: 1s, ";
  const bounds = `connectionsMax: ${connectionsMax}, connectionsPerAddressMax: ${perAddressMax}`;
  rig = await DoorRig.start({ listener: times + bounds, answering });
});
after(() => rig?.stop());

const skip = (await slowhttptestMissing()) ?? false;

interface Others {
  calls: number;
  succeeded: number;
  readonly tookMs: number[];
  readonly statuses: string;
}

/** 100 calls a second from another address for `ms`, a tenth of them on connections of their own. */
async function others(ms: number): Promise<Others> {
  const shared = {
    url: () => rig.cluster.region("sydney").url,
    path: "/r",
    headers: { "x-api-key": rig.keys["key"] ?? "" },
  };
  const client = { localAddress: "127.0.0.9" };
  const loads = [
    startPaced({ ...shared, perSecond: 90, connections: 20, client }),
    startPaced({ ...shared, perSecond: 10, connections: 10, client: { ...client, pipelining: 0 } }),
  ];
  await sleep(ms);
  await Promise.all(loads.map((load) => load.stop()));
  const statuses = loads.flatMap((load) => [...load.statuses]);
  const calls = statuses.reduce((sum, [, count]) => sum + count, 0);
  const succeeded = statuses.reduce((sum, [status, n]) => sum + (status === 200 ? n : 0), 0);
  const tookMs = loads.flatMap((load) => load.latenciesMs);
  return { calls, succeeded, tookMs, statuses: JSON.stringify(statuses) };
}

for (const wave of waves) {
  const names = wave.map((letter) => `-${letter}`).join(" ");
  const whats = wave.map((letter) => attacks[letter].what).join(", ");
  test(`slowhttptest ${names}, ${connections} connections each: ${whats}, and no harm to others`, {
    skip,
    timeout: 300_000,
  }, async (t) => {
    const { url } = rig.cluster.region("sydney");
    // The first calls of a process are slower.
    await others(warmUpMs);
    const calmMs = [...(await others(calmBeforeMs)).tookMs];
    const running = wave.map((letter) => new SlowAttack(letter, { url, connections }));
    let during: Others;
    let open: number;
    try {
      // Until they are all there.
      await sleep(gatherMs);
      open = readdirSync(`/proc/${rig.pid}/fd`).length;
      during = await others(attackMs);
    } finally {
      for (const attack of running) await attack.stop();
      rig.recorder.requests = [];
    }
    // Before and after, since the machine may have other work that comes and goes.
    if (isLong) calmMs.push(...(await others(calmBeforeMs)).tookMs);
    const [calm, under] = [percentile(calmMs, 0.99), percentile(during.tookMs, 0.99)];
    const share = ((100 * during.succeeded) / during.calls).toFixed(2);
    t.diagnostic(
      `${during.statuses}; ${open} files open at the beginning; opened ${running.map((of) => of.rounds).join(", ")} times`,
    );
    t.diagnostic(
      `figure: ${names}: ${share} % of ${during.calls} calls succeeded, p99 ${under.toFixed(1)} ms, in calm ${calm.toFixed(1)} ms`,
    );
    assert.ok(during.succeeded >= 0.999 * during.calls, during.statuses);
    // Of a few hundred calls the slowest tell of this machine.
    if (isLong) assert.ok(under <= 2 * calm, `p99 ${under} ms, in calm ${calm} ms`);
  });
}

test("a reader that takes nothing of a long reply is cut off, and the call behind is cancelled", async (t) => {
  const socket = connect(rig.port, "127.0.0.1");
  socket.pause();
  socket.write(rig.fill(get("", "/long").repeat(8)));
  const startMs = performance.now();
  const isCutOff = async () => rig.recorder.open === 0;
  await until(async () => rig.recorder.open > 0, 5_000, "the upstream to be asked");
  await until(isCutOff, replyTimeoutMs + 10_000, "the upstream's call to be cancelled");
  const tookMs = performance.now() - startMs;
  t.diagnostic(`cut off after ${Math.round(tookMs)} ms`);
  assert.ok(tookMs >= 0.9 * replyTimeoutMs);
  socket.destroy();
});

test("connections above a bound are closed at once, those within it go on", async () => {
  const open = async (count: number, localAddress: string): Promise<Socket[]> => {
    const sockets = Array.from({ length: count }, () =>
      connect({ port: rig.port, host: "127.0.0.1", localAddress }),
    );
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    return sockets;
  };
  const closedOf = (sockets: readonly Socket[]) => sockets.filter((socket) => socket.closed).length;
  const one = await open(perAddressMax + 5, "127.0.0.5");
  try {
    for (const socket of one) socket.on("error", () => undefined).resume();
    await until(async () => closedOf(one) === 5, 5_000, "5 above those of one address closed");
    const more = await open(connectionsMax - perAddressMax + 5, "127.0.0.6");
    one.push(...more);
    for (const socket of more) socket.on("error", () => undefined).resume();
    // Beside these there are those of the test's own calls.
    await until(async () => closedOf(more) >= 5, 5_000, "those above the bound in all closed");
    assert.ok(closedOf(more) < 20);
    const first = one.find((socket) => !socket.closed) as Socket;
    first.write(rig.fill(get()));
    const [head] = (await once(first, "data")) as [Buffer];
    assert.match(head.toString(), /^HTTP\/1\.1 200 OK/);
  } finally {
    for (const socket of one) socket.destroy();
  }
});

test(`${leaving} clients that are gone when they have sent are charged for what was forwarded`, async (t) => {
  const usedBefore = await rig.used();
  rig.recorder.requests = [];
  for (let left = leaving; left > 0; left -= 50) {
    await Promise.all(
      Array.from({ length: 50 }, () =>
        callRaw({
          ...{ port: rig.port, localAddress: "127.0.0.7", withinMs: 5_000, isEnough: () => false },
          steps: [rig.fill(get()), leaves],
        }),
      ),
    );
  }
  const forwarded = () => rig.recorder.requests.length;
  let charged = 0;
  await until(
    async () => {
      charged = (await rig.used()) - usedBefore;
      return charged >= forwarded();
    },
    5_000,
    "all that was forwarded to be charged",
  );
  t.diagnostic(`${forwarded()} forwarded, ${charged} charged`);
  assert.ok(charged <= leaving);
});
