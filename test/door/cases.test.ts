/**
 * The table of docs/http.md, case by case: raw bytes on a socket of a real gateway, with a recording upstream behind. Each is
 * answered as the table says, nothing is forwarded that should not be, it is charged as it says, and the next connection works.
 */

import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import {
  type Answering,
  answerOk,
  callRaw,
  fieldOf,
  type RawMessage,
  readMessages,
  type Step,
  writeSteps,
} from "../support/raw-http.ts";
import { caseGroups } from "./cases/all.ts";
import {
  chargedBy,
  type DoorCase,
  forwardedBy,
  get,
  type Seen,
  staysOpenAfter,
} from "./cases/case.ts";
import { listenerOfCases } from "./cases/time-and-size.ts";
import { DoorRig } from "./rig.ts";

let rig: DoorRig;

const slowMs = 400;

const answering: Answering = (request, socket) => {
  if (!request.start.includes(" /slow ")) answerOk(request, socket);
  else setTimeout(() => answerOk(request, socket), slowMs).unref();
};

before(async () => {
  rig = await DoorRig.start({ listener: listenerOfCases, answering });
});
after(() => rig?.stop());

for (const { letter, title, cases } of caseGroups) {
  suite(`${letter}: ${title}`, () => {
    for (const [i, of] of cases.entries()) {
      test(`${letter}${i + 1}: ${of.what}`, async () => check(of));
    }
  });
}

test("gateway and hub were one process each all the time, and told of no failure of their own", (t) => {
  assert.equal(rig.cluster.region("sydney").pid, rig.pid);
  assert.ok(process.kill(rig.cluster.state.hub.pid, 0));
  assert.doesNotMatch(rig.cluster.output, /promise of a handler failed|could not be handled/);
  const all = caseGroups.reduce((sum, { cases }) => sum + cases.length, 0);
  t.diagnostic(`figure: ${all} cases, each answered, forwarded and charged as the table says`);
});

async function check(of: DoorCase): Promise<void> {
  const usedBefore = await rig.used();
  const { recorder } = rig;
  recorder.requests = [];
  recorder.answersHeads = of.upstreamIsEarly === true;
  const { upstream } = of;
  recorder.answering =
    upstream === undefined ? answering : (_, socket) => void writeSteps(socket, upstream);
  const answer = await callRaw({
    port: of.toHub === true ? rig.hubPort : rig.port,
    steps: stepsOf(of),
    // One that stays open gives no sign that there is no more to come.
    isEnough: (text) => staysOpenAfter(of) && statusesOf(text).length >= of.answer.length,
    withinMs: of.withinMs ?? 5_000,
    ...(of.from && { localAddress: of.from }),
  });
  const told = JSON.stringify(answer.text.slice(0, 2_000));
  assert.deepEqual(statusesOf(answer.text, answer.isClosed), of.answer, told);
  if (staysOpenAfter(of)) assert.doesNotMatch(answer.text, /\r\nconnection: close\r\n/i);
  else assert.ok(answer.isClosed, `the connection is closed: ${told}`);
  checkProblems(answer.text);
  const reply = readMessages(answer.text, answer.isClosed).messages.at(-1);
  if (of.gets !== undefined) checkSeen(reply as RawMessage, of.gets);
  const { requests } = recorder;
  assert.equal(requests.length, forwardedBy(of), JSON.stringify(requests));
  const last = requests.at(-1);
  if (of.seen !== undefined && last !== undefined) checkSeen(last, of.seen);
  for (const request of requests) assert.doesNotMatch(request.start, /smuggled/);
  assert.equal((await rig.used()) - usedBefore, chargedBy(of), "units charged");
  recorder.answering = answering;
  recorder.answersHeads = false;
  await checkNext();
  if (upstream === undefined || last === undefined) return;
  const isSame = recorder.requests.at(-1)?.connection === last.connection;
  assert.equal(isSame, of.upstreamGoesOn === true, "the upstream's connection is used again");
}

function stepsOf({ send, isTrickled }: DoorCase): readonly Step[] {
  const steps = send.map((step) => (typeof step === "string" ? rig.fill(step) : step));
  if (isTrickled !== true) return steps;
  return steps.flatMap((step): Step[] =>
    typeof step === "string" ? [...step].flatMap((c) => [c, 1]) : [step],
  );
}

function statusesOf(text: string, isOver = false): number[] {
  const { messages } = readMessages(text, isOver);
  return messages.map(({ start }) => Number(/^HTTP\/1\.1 (\d{3}) /.exec(start)?.[1]));
}

/** Every error has one shape and tells nothing of the inside. Those of the upstream's own have an X-Shop. */
function checkProblems(text: string): void {
  for (const message of readMessages(text, true).messages) {
    const status = Number(message.start.slice(9, 12));
    if (status < 400 || fieldOf(message, "x-shop") !== undefined) continue;
    assert.equal(fieldOf(message, "content-type"), "application/problem+json");
    const problem = JSON.parse(message.body) as Record<string, unknown>;
    assert.equal(problem["status"], status);
    assert.equal(problem["instance"], fieldOf(message, "x-request-id"));
    assert.doesNotMatch(message.body, /\bat .*:\d+:\d+|node:|HPE_|llhttp/);
  }
}

function checkSeen(request: RawMessage, seen: Seen): void {
  if (seen.start !== undefined) assert.equal(request.start, seen.start);
  if (seen.body !== undefined) assert.equal(request.body, seen.body);
  for (const [name, value] of Object.entries(seen.fields ?? {})) {
    assert.equal(fieldOf(request, name), value, name);
  }
}

async function checkNext(): Promise<void> {
  const { text } = await callRaw({
    port: rig.port,
    steps: [rig.fill(get("Connection: close\r\n", "/next"))],
    isEnough: () => false,
    withinMs: 5_000,
  });
  assert.deepEqual(statusesOf(text, true), [200], "the next connection works");
}
