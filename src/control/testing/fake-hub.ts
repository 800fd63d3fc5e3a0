/** A hub in memory for tests of the admin API and of the command line: real answers, no storage. */

import { compileConfigValue } from "../../access/config.ts";
import { TallygateError } from "../../base/errors.ts";
import { sha256 } from "../../base/hash.ts";
import { reportLines } from "../../base/report-lines.ts";
import type {
  CreatedKey,
  HubApi,
  HubStatus,
  KeyAudit,
  KeyRefusal,
  KeyView,
  NearLimits,
  ProcessStatus,
  RegistryApi,
  VerifyReport,
} from "../../hub/hub-api.ts";
import { MemoryRegistry } from "../../hub/testing/memory-registry.ts";
import { configId } from "../../ports/config-store.ts";
import type {
  OutcomeQuery,
  OutcomeRow,
  ReportQuery,
  UsageQuery,
  UsageReportRow,
} from "../../ports/ledger-store.ts";
import { callOutcomes } from "../../ports/link.ts";
import type { Mail } from "../../ports/mailer.ts";
import type { ControlContext } from "../control-context.ts";
import { fakeStatus } from "./fake-status.ts";

export const adminToken = "admin-token-of-the-tests";

/** 2026-11-21T12:00:00Z */
export const nowMs = Date.UTC(2026, 10, 21, 12);

export interface FakeHub {
  /** To be changed by tests. */
  readonly context: ControlContext;
  readonly keys: Map<string, KeyView>;
  /** What the next `verify` gives or fails with. */
  verify: () => Promise<VerifyReport>;
  rows: UsageReportRow[];
  refusals: KeyRefusal[];
  /** Sent by the portal. */
  readonly mails: Mail[];
  /** Asked of the ledger, in order. */
  near: NearLimits;
  outcomes: OutcomeRow[];
  readonly outcomeQueries: OutcomeQuery[];
  readonly queries: UsageQuery[];
  readonly reports: ReportQuery[];
  /** Audit log and tokens. */
  readonly store: MemoryRegistry;
  /** 0 once one was closed. */
  reportsOpen: number;
  token: string;
  notReady: string | undefined;
  clockMs: number;
  processes: ProcessStatus[];
  /** Every message and field that went to the log. */
  readonly logged: string[];
  /** Runs all timers of at most `ms`. */
  elapse(ms: number): void;
}

export function createFakeHub(): FakeHub {
  const keys = new Map<string, KeyView>();
  const queries: UsageQuery[] = [];
  const reports: ReportQuery[] = [];
  const logged: string[] = [];
  const mails: Mail[] = [];
  const stored = new Map<string, string>();
  const store = new MemoryRegistry();
  const timers = new Set<{ ms: number; run: () => void; repeats: boolean }>();
  const config = testConfig();
  const hub: HubApi = {
    registry: fakeRegistry(keys, store, (plan) => config.plans.some(({ name }) => name === plan)),
    status: () => statusOf(fake.processes, keys.size, fake.clockMs),
    refusals: (keys) => fake.refusals.filter(({ key }) => keys.includes(key)),
    usage: (query) => {
      queries.push(query);
      return Promise.resolve(fake.rows.slice(query.offset, query.offset + query.limit));
    },
    usagePage: (query) => {
      queries.push(query);
      const offset = query.offset + query.limit;
      const rows = fake.rows.slice(query.offset, offset);
      const isLast = offset >= fake.rows.length;
      return Promise.resolve({ rows, next: isLast ? undefined : { fromMs: query.fromMs, offset } });
    },
    openReport: (query, format) => {
      reports.push(query);
      let rest = fake.rows;
      fake.reportsOpen++;
      const close = async () => {
        fake.reportsOpen = 0;
      };
      return Promise.resolve({
        next: async (limit) => {
          const rows = rest.slice(0, limit);
          rest = rest.slice(limit);
          if (rows.length < limit) await close();
          return { lines: rows.length, text: reportLines(format, rows) };
        },
        close,
      });
    },
    nearLimits: () => fake.near,
    outcomes: (query) => {
      fake.outcomeQueries.push(query);
      return Promise.resolve(fake.outcomes.slice(0, query.limit));
    },
    verify: () => fake.verify(),
    backup: () => Promise.reject(new Error("the tests use openBackup")),
    liftFence: () => Promise.resolve(),
    declareLost: () => Promise.resolve(),
  };
  const add = (ms: number, run: () => void, repeats: boolean) => {
    const timer = { ms, run, repeats };
    timers.add(timer);
    return { cancel: () => void timers.delete(timer) };
  };
  let random = 0;
  const fake: FakeHub = {
    keys,
    queries,
    logged,
    store,
    reports,
    reportsOpen: 0,
    rows: [],
    outcomes: [],
    outcomeQueries: [],
    refusals: [],
    mails,
    near: { share: 0.8, counters: [], more: 0, atMs: nowMs },
    token: adminToken,
    notReady: undefined,
    clockMs: nowMs,
    processes: [processStatus("sydney"), processStatus("seoul")],
    verify: () => Promise.resolve(verifyReport),
    elapse(ms) {
      for (const timer of [...timers]) {
        if (timer.ms > ms) continue;
        if (!timer.repeats) timers.delete(timer);
        timer.run();
      }
    },
    context: {
      hub,
      config: () => config,
      adminTokenHash: () => sha256(fake.token),
      notReady: () => fake.notReady,
      openBackup: () => {
        const bytes = new TextEncoder().encode("a backup");
        const body = new Blob([bytes]).stream() as ReadableStream<Uint8Array>;
        return Promise.resolve({ bytes: bytes.length, position: 7, body });
      },
      exposeMetrics: () => Promise.resolve("# no metrics\n"),
      idempotency: {
        getIdempotent: (key) => stored.get(key),
        putIdempotent: (key, answer) => {
          stored.set(key, answer);
          logged.push(answer);
          return Promise.resolve();
        },
      },
      audit: store.audit,
      events: store.events,
      tokens: store.tokens,
      configs: {
        ...store.configs,
        async apply(request, audit) {
          if (request.text.includes("wrong")) return { problems: [wrongPlace] };
          const { over, ...draft } = request;
          const newest = store.configs.newest();
          if (over !== undefined && over !== (newest === undefined ? "0" : configId(newest))) {
            throw new TallygateError("changed-meanwhile", "another is in force");
          }
          const { atMs, actor } = audit;
          return { config: await store.configs.add({ atMs, actor, ...draft }, audit) };
        },
      },
      status: fakeStatus({ timeMs: () => fake.clockMs }),
      portal: {
        store: store.portal,
        mailer: { send: async (mail) => void mails.push(mail), close: () => {} },
        hubUrl: "http://127.0.0.1:8080",
      },
      web: new Map(),
      live: { samples: [] },
      clock: { wallMs: () => fake.clockMs, monotonicMs: () => fake.clockMs, threadCpuMs: () => 0 },
      timers: {
        after: (ms, run) => add(ms, run, false),
        every: (ms, run) => add(ms, run, true),
        atTurnEnd: (run) => void setImmediate(run),
      },
      random: {
        hex: (bytes) => (++random).toString(16).padStart(bytes * 2, "0"),
        bytes: (count) => new Uint8Array(count).fill(++random),
        fraction: () => 0.5,
      },
      log: {
        info: (message, fields) => logged.push(`${message} ${JSON.stringify(fields)}`),
        warn: (message, fields) => logged.push(`${message} ${JSON.stringify(fields)}`),
        error: (message, fields) => logged.push(`${message} ${JSON.stringify(fields)}`),
      },
    },
  };
  return fake;
}

const wrongPlace = { line: 2, column: 3, path: "plans.pro", found: '"wrong"', expected: "a plan" };

function testConfig() {
  const limit = { name: "month", per: "key", quota: 100, window: "month" };
  const listen = (port: number) => ({
    listen: `127.0.0.1:${port}`,
    operations: `127.0.0.1:${port + 100}`,
  });
  const compiled = compileConfigValue(
    {
      version: 1,
      regions: { sydney: listen(8081), seoul: listen(8082) },
      plans: { pro: { limits: [limit] }, free: { limits: [{ ...limit, per: "ip" }] } },
      anonymousPlan: "free",
      portal: { plan: "pro", name: "Example API", url: "https://portal.example.com", keysMax: 3 },
      routes: [{ path: "/", handler: "./hello.ts" }],
    },
    { file: "/test/tallygate.json", fileExists: () => true },
  );
  if ("problems" in compiled) throw new Error(compiled.problems[0]?.message);
  return compiled.config;
}

function fakeRegistry(
  keys: Map<string, KeyView>,
  store: MemoryRegistry,
  hasPlan: (plan: string) => boolean,
): RegistryApi {
  let version = 0;
  const get = (id: string): KeyView => {
    const key = keys.get(id);
    if (key === undefined) throw new TallygateError("not-found", `no key ${id}`);
    return key;
  };
  const put = <T extends KeyView>(key: T, audit: KeyAudit | undefined): T => {
    const next = { ...key, version: ++version };
    if (audit !== undefined) void store.audit.append({ ...audit, target: key.id });
    const { key: _, ...view } = next as T & { key?: string };
    keys.set(key.id, view);
    return next;
  };
  const credential = (number: number) => ({
    id: `c_${number}`,
    createdAtMs: nowMs,
    expiresAtMs: 0,
    revoked: false,
  });
  return {
    async create(request, audit): Promise<CreatedKey> {
      if (!hasPlan(request.plan)) {
        throw new TallygateError("request-invalid", `there is no plan "${request.plan}"`);
      }
      const { mode, ...fields } = request;
      const number = String(keys.size + 1).padStart(4, "0");
      const id = `k_${number}`;
      const credentials = [credential(1)];
      const view = { ...fields, id, createdAtMs: nowMs, revoked: false, version: 0, credentials };
      return put({ ...view, key: `ipd_${mode}_secret${number}` }, audit);
    },
    list: ({ after, limit, owner }) =>
      [...keys.values()]
        .filter((key) => key.id > after && (owner === undefined || key.owner === owner))
        .slice(0, limit),
    owners: (after, limit) =>
      [...new Set([...keys.values()].map(({ owner }) => owner))]
        .filter((owner) => owner > after)
        .sort()
        .slice(0, limit),
    owner(name) {
      const own = [...keys.values()].filter(({ owner }) => owner === name);
      if (own.length === 0) return undefined;
      const active = own.filter(({ revoked }) => !revoked);
      const plans = [...new Set(active.map(({ plan }) => plan))].sort();
      const counts = { keys: own.length, active: active.length };
      return { owner: name, ...counts, plans, sinceMs: nowMs, complete: true };
    },
    get: (id) => keys.get(id),
    update: async (id, change, audit) => put({ ...get(id), ...change }, audit),
    async rotate(id, overlapMs, audit) {
      const key = get(id);
      const older = key.credentials.map((one) => ({ ...one, expiresAtMs: nowMs + overlapMs }));
      const credentials = [...older, credential(older.length + 1)];
      return put({ ...key, credentials, key: `ipd_live_secret${id}.${credentials.length}` }, audit);
    },
    revoke: async (id, audit) => put({ ...get(id), revoked: true }, audit),
    count: () => keys.size,
  };
}

export function processStatus(region: string): ProcessStatus {
  return {
    producer: `producer-${region}`,
    region,
    process: 0,
    listen: region === "sydney" ? "127.0.0.1:8081" : "127.0.0.1:8082",
    connected: true,
    heardAgoMs: 100,
    view: { epoch: 1, position: 5 },
    viewBehind: 0,
    registryVersion: 1,
    unacknowledgedUnits: 0,
    oldestUnacknowledgedMs: 0,
    journalBytes: 4096,
    journalState: "ok",
    callsPerSecond: 12,
    lagP50Ms: 60,
    lagP99Ms: 90,
    calls: {
      atMs: nowMs,
      outcomes: callOutcomes.map((_, i) => (i === 0 ? 100 : i)),
      overheadP50Ms: 0.3,
      overheadP99Ms: 1.2,
    },
    keyLagMs: 40,
    peakUnits: 4,
    rulesVersion: "aaaa",
    ...{ config: "", configProblem: "" },
    roundTripMs: 2,
    watermarks: [["00", 3]],
  };
}

function statusOf(processes: ProcessStatus[], keys: number, timeMs: number): HubStatus {
  return {
    clusterId: "cluster",
    version: { epoch: 1, position: 5 },
    timeMs,
    checkpoint: { position: 5, atMs: timeMs },
    stream: { first: 1, last: 5, bytes: 1_000 },
    ledgerBytes: 2_000,
    registry: { version: 1, keys },
    rulesVersion: "aaaa",
    backup: undefined,
    counters: 3,
    gaps: [],
    lost: [],
    warnings: ["no backup was ever made: losing the hub's disk loses counts"],
    processes,
    overshoot: { boundUnits: 2, unnamed: 0, closed: [] },
    leases: { counters: 0, heldUnits: 0, consumedUnits: 0, unusedUnits: 0, fencedUntilMs: 0 },
  };
}

export const verifyReport: VerifyReport = {
  ok: true,
  version: { epoch: 1, position: 5 },
  sealedPosition: 0,
  records: 5,
  counters: 3,
  rows: 4,
  differences: [],
  differenceCount: 0,
  regions: [{ name: "sydney", process: 0, result: "equal" }],
  problems: [],
};
