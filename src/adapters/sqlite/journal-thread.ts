/**
 * The journal's thread: takes what gathered in the ring while the last group was stored, stores it as
 * one row in one commit, says so, and sleeps when nothing is left.
 *
 * The thread waits on shared memory, not on its event loop, so requests are fetched with
 * `receiveMessageOnPort`. A seal carries the count of ring bytes before it and takes effect exactly there.
 */

import { flushCompileCache } from "node:module";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { assert, present } from "../../base/assert.ts";
import { TallygateError } from "../../base/errors.ts";
import { JournalDatabase, type Seal } from "./journal-database.ts";
import type { JournalApi, JournalReady, JournalStart } from "./journal-protocol.ts";
import { journalStates, readRing, ringBytes, word } from "./journal-ring.ts";
import { sqliteCode, storeError } from "./sqlite-error.ts";
import { type RequestMessage, startId } from "./thread.ts";
import { replyError } from "./thread-server.ts";

type Request = {
  readonly [Kind in keyof JournalApi]: RequestMessage & {
    readonly kind: Kind;
    readonly request: JournalApi[Kind]["request"];
  };
}[keyof JournalApi];
type SealRequest = Extract<Request, { kind: "seal" }>;
type MarkRequest = Extract<Request, { kind: "mark" }>;
type CheckpointRequest = Extract<Request, { kind: "checkpoint" }>;
type OtherRequest = Exclude<Request, SealRequest | MarkRequest | CheckpointRequest>;

/** Pauses between attempts to store a group: 10 ms, 20 ms … 1 s. */
const retryMsMin = 10;
const retryMsMax = 1000;

const start = workerData as JournalStart;
const port = present(parentPort, "parent port");
const { ring, sizeMaxBytes } = start;
const { control } = ring;
const group = new Uint8Array(ringBytes);
let seals: SealRequest[] = [];
let marks: MarkRequest[] = [];
let checkpoints: CheckpointRequest[] = [];
const others: OtherRequest[] = [];

let tail = 0;
let position = 0;
let requestsTaken = 0;
let failing = false;
let retryMs = retryMsMin;
let closing = false;

const database = open();
if (database !== undefined) run(database, database.incarnations());

function open(): JournalDatabase | undefined {
  try {
    const opened = new JournalDatabase(start.file, start);
    const ready: JournalReady = {
      identity: opened.identity(),
      remains: opened.remains(),
      ranges: opened.ranges(),
      ...opened.leases(),
    };
    publishUse(opened);
    port.postMessage({ id: startId, reply: ready });
    flushCompileCache();
    return opened;
  } catch (error) {
    replyError(port, startId, mapped(error));
    return undefined;
  }
}

function run(database: JournalDatabase, incarnations: ReadonlyMap<string, number>): void {
  while (!closing) {
    const woken = Atomics.load(control, word.wake);
    // In this order: the bytes of every record up to `headPosition` are then below `head`.
    const headPosition = Atomics.load(control, word.headPosition);
    const head = Atomics.load(control, word.headBytes);
    takeRequests();
    // Seals overtake reads and trims: what follows a seal must not be stored before it.
    const due = seals.filter((seal) => ((head - seal.request.at) | 0) >= 0);
    const isIdle = head === tail && headPosition === position && due.length === 0;
    if (!isIdle) {
      store(database, { head, headPosition, due, incarnations });
    } else if (others.length === 0 && marks.length === 0 && checkpoints.length === 0) {
      Atomics.wait(control, word.wake, woken);
    }
    if (checkpoints.length > 0 && (isIdle || !failing)) checkpoint(database);
    // Calls may soon be refused for want of a mark.
    if (marks.length > 0 && (isIdle || !failing)) storeMarks(database);
    answerOne(database, incarnations);
    if (failing && !closing) {
      Atomics.wait(control, word.sleep, 0, retryMs);
      retryMs = Math.min(retryMs * 2, retryMsMax);
    }
  }
}

interface Group {
  readonly head: number;
  readonly headPosition: number;
  readonly due: readonly SealRequest[];
  readonly incarnations: ReadonlyMap<string, number>;
}

function store(database: JournalDatabase, taken: Group): void {
  const { due } = taken;
  const last = due.at(-1);
  // What stands before a seal is in the sealed batch: only what follows it is open.
  const from = last === undefined ? tail : last.request.at;
  const began = performance.now();
  const isStored = succeeds(() => {
    const length = readRing(ring, { from, to: taken.head }, group);
    const bytes = length > 0 ? group.subarray(0, length) : undefined;
    if (last !== undefined) {
      const rows = due.map((seal) => sealOf(seal, taken.incarnations));
      database.storeSeals(rows, bytes);
    } else if (bytes !== undefined) database.storeOpen(bytes);
  });
  // Everything stays where it is: the ring holds the records, `seals` the batches.
  if (!isStored) return;
  tail = taken.head;
  position = taken.headPosition;
  Atomics.store(control, word.tailBytes, tail);
  Atomics.store(control, word.storedPosition, position);
  Atomics.store(control, word.lastStoreUs, (performance.now() - began) * 1000);
  publishUse(database);
  tellStored();
  for (const seal of due) port.postMessage({ id: seal.id, reply: undefined });
  seals = seals.slice(due.length);
}

/** All that wait, in one commit. While the disk fails they wait on, and charges are tried first. */
function storeMarks(database: JournalDatabase): void {
  if (!succeeds(() => database.storeMarks(marks.flatMap(({ request }) => request.leases)))) return;
  for (const { id } of marks) port.postMessage({ id, reply: undefined });
  marks = [];
  publishUse(database);
}

/** While that fails, too, calls are refused as where nothing can be written. */
function checkpoint(database: JournalDatabase): void {
  if (!succeeds(() => database.checkpoint())) return;
  for (const { id } of checkpoints) port.postMessage({ id, reply: undefined });
  checkpoints = [];
  publishUse(database);
}

/** Does something with the disk; false while that fails, which is tried again after a pause. */
function succeeds(work: () => void): boolean {
  try {
    work();
  } catch (error) {
    if (sqliteCode(error) === undefined) throw error;
    failing = true;
    publishState("failing");
    return false;
  }
  failing = false;
  retryMs = retryMsMin;
  return true;
}

/** The other side either waits right here or is sent a message; see `Journal.#await`. */
function tellStored(): void {
  if (Atomics.load(control, word.awaited) === 1) Atomics.notify(control, word.storedPosition);
  else if (Atomics.exchange(control, word.toldStored, 1) === 0) port.postMessage(undefined);
}

function sealOf(seal: SealRequest, incarnations: ReadonlyMap<string, number>): Seal {
  const { incarnation, seq, bytes, closed } = seal.request;
  const id = present(incarnations.get(incarnation), "incarnation");
  return { incarnation: id, seq, bytes, closed };
}

/** Answers the first request that is no seal. One at a time: charges go first. */
function answerOne(database: JournalDatabase, incarnations: ReadonlyMap<string, number>): void {
  const first = others[0];
  if (first === undefined) return;
  try {
    switch (first.kind) {
      case "read": {
        const { incarnation, from, bytesMax } = first.request;
        const read = database.read(incarnations.get(incarnation) ?? 0, from, bytesMax);
        const transfer = read.batches.map((bytes) => bytes.buffer as ArrayBuffer);
        port.postMessage({ id: first.id, reply: read }, transfer);
        break;
      }
      case "trim": {
        const { incarnation, upTo } = first.request;
        const more = database.trimSome(incarnations.get(incarnation) ?? 0, upTo);
        if (!failing) publishUse(database);
        if (more) return;
        port.postMessage({ id: first.id, reply: undefined });
        break;
      }
      case "close":
        if (!failing && tail !== first.request.at) return;
        closing = true;
        database.close();
        if (failing) throw notStored();
        port.postMessage({ id: first.id, reply: undefined });
        break;
    }
  } catch (error) {
    replyError(port, first.id, mapped(error));
  }
  others.shift();
}

function mapped(error: unknown): unknown {
  return storeError(error, { file: start.file, failed: "journal-failed" });
}

function notStored(): TallygateError {
  return new TallygateError(
    "journal-failed",
    `${start.file} could not be written before it was closed; what was not acknowledged is lost.`,
  );
}

function takeRequests(): void {
  const posted = Atomics.load(control, word.requests);
  while (requestsTaken !== posted) {
    const received = receiveMessageOnPort(port);
    // The count is raised after the message was posted.
    assert(received !== undefined, "a request was counted and is not there");
    const request = received.message as Request;
    if (request.kind === "seal") seals.push(request);
    else if (request.kind === "mark") marks.push(request);
    else if (request.kind === "checkpoint") checkpoints.push(request);
    else others.push(request);
    requestsTaken = (requestsTaken + 1) | 0;
  }
}

function publishUse(database: JournalDatabase): void {
  const used = database.usedBytes;
  Atomics.store(control, word.usedKiB, Math.ceil(used / 1024));
  publishState(used >= sizeMaxBytes ? "full" : "ok");
}

function publishState(state: (typeof journalStates)[number]): void {
  const index = journalStates.indexOf(state);
  if (Atomics.exchange(control, word.state, index) !== index) port.postMessage(undefined);
}
