import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { TallygateError } from "../../base/errors.ts";
import type { Listener } from "../../ports/listener.ts";
import { nodeMetrics } from "./metrics.ts";
import {
  type CertificateMaker,
  certificatesFor,
  type MadeCertificate,
} from "./testing/certificates.ts";
import { ask, secureClient, secureListener, shownFor } from "./testing/secure-listener.ts";
import { openCertificates } from "./tls-store.ts";

const dayMs = 86_400_000;
const noLog = { info() {}, warn() {}, error() {} };

/** Puts one pair in the place of another. */
function replace(old: MadeCertificate, next: MadeCertificate, which = { cert: true, key: true }) {
  if (which.key) copyFileSync(next.keyFile, old.keyFile);
  if (which.cert) copyFileSync(next.certFile, old.certFile);
}

/** A listener with pairs `old` and `other`, and a pair `next` that is not served yet. */
async function served(t: TestContext, { make }: CertificateMaker, pollMs = 3_600_000) {
  const old = make("old", { names: ["a.example"] });
  const other = make("other", { names: ["b.example"] });
  const next = make("next", { names: ["a.example"] });
  const secure = await secureListener(t, [old, other], { store: { pollMs } });
  return { ...secure, old, other, next };
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 2));
}

test("a changed pair is taken, and connections from before go on", async (t) => {
  const { listener, store, old, next } = await served(t, certificatesFor(t));
  const before = await secureClient(t, listener, { servername: "a.example" });
  replace(old, next);
  assert.equal(store.reload(), true);
  assert.equal(await shownFor(t, listener, "a.example"), "next");
  assert.equal(await shownFor(t, listener), "next");
  assert.equal(await shownFor(t, listener, "b.example"), "other");
  assert.match(await ask(before), /^HTTP\/1.1 200 /);
});

test("a change of the files is noticed without being told", async (t) => {
  const { listener, logged, old, next } = await served(t, certificatesFor(t), 5);
  replace(old, next);
  await until(() => logged.length > 0);
  assert.match(logged.join(), /^new certificates are served/);
  assert.equal(await shownFor(t, listener, "a.example"), "next");
});

const wrong: readonly [
  what: string,
  spoil: (at: Awaited<ReturnType<typeof served>>) => void,
  why: RegExp,
][] = [
  [
    "a key of another certificate",
    ({ old, next }) => replace(old, next, { cert: false, key: true }),
    /is not the key/,
  ],
  [
    "a certificate without its key",
    ({ old, next }) => replace(old, next, { cert: true, key: false }),
    /is not the key/,
  ],
  [
    "a file cut short",
    ({ old }) => writeFileSync(old.certFile, old.cert.slice(0, 300)),
    /begin with a certificate/,
  ],
  ["an empty key", ({ old }) => writeFileSync(old.keyFile, ""), /private key/],
  [
    "a chain with rubbish in it",
    ({ old }) =>
      writeFileSync(
        old.certFile,
        `${old.cert}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
      ),
    /cannot be served/,
  ],
];

for (const [what, spoil, why] of wrong) {
  test(`${what} is refused, with the good pair beside it, and the old ones stay`, async (t) => {
    const maker = certificatesFor(t);
    const at = await served(t, maker);
    replace(at.other, maker.make("good", { names: ["b.example"] }));
    spoil(at);
    assert.equal(at.store.reload(), false);
    assert.match(at.logged.join(), /new certificates are refused/);
    assert.match(at.logged.join(), why);
    assert.equal(await shownFor(t, at.listener, "a.example"), "old");
    assert.equal(await shownFor(t, at.listener, "b.example"), "other");
    assert.match(await at.metrics(), /certificate_reloads_total\{outcome="refused"\} 1\n/);
  });
}

test("a certificate that has expired, or is not valid yet, is refused where another one is served", (t) => {
  const { make } = certificatesFor(t);
  const pair = make("a", { names: ["a.example"], days: 10 });
  const next = make("next", { names: ["a.example"], days: 10 });
  const logged: string[] = [];
  const error = (text: string, fields?: object) => void logged.push(text + JSON.stringify(fields));
  let nowMs = Date.now() + 5_000;
  const store = openCertificates({
    certificates: [pair],
    minVersion: "TLSv1.2",
    log: { ...noLog, error },
    metrics: nodeMetrics(),
    nowMs: () => nowMs,
  });
  t.after(() => store.close());
  nowMs += 11 * dayMs;
  // Its own end does not keep others from being taken.
  assert.equal(store.reload(), true);
  assert.equal(store.reload([pair, next]), false);
  nowMs -= 22 * dayMs;
  assert.equal(store.reload([pair, next]), false);
  assert.match(logged.join(), /next\.crt expired on .*next\.crt is valid only from/);
  nowMs += 11 * dayMs;
  assert.equal(store.reload([pair, next]), true);
});

test("at a start an expired certificate is served all the same, and said loudly", (t) => {
  const pair = certificatesFor(t).make("a", { names: ["a.example"], days: 10 });
  const logged: string[] = [];
  const log = { ...noLog, error: (text: string) => void logged.push(text) };
  const nowMs = () => Date.now() + 11 * dayMs;
  openCertificates({
    certificates: [pair],
    minVersion: "TLSv1.2",
    log,
    metrics: nodeMetrics(),
    nowMs,
  }).close();
  assert.deepEqual(logged, ["a certificate is not valid now"]);
});

test("the days that a certificate has left are a metric, and few of them a warning", async (t) => {
  const pair = certificatesFor(t).make("a", { names: ["a.example"], days: 30 });
  const metrics = nodeMetrics();
  const logged: string[] = [];
  const log = {
    ...noLog,
    warn: (text: string, fields?: object) => void logged.push(text + JSON.stringify(fields)),
  };
  const open = (nowMs: number) =>
    openCertificates({
      certificates: [pair],
      minVersion: "TLSv1.2",
      log,
      metrics,
      nowMs: () => nowMs,
    });
  open(Date.now() + 10 * dayMs).close();
  assert.deepEqual(logged, []);
  const days = /certificate_days_left\{file="[^"]*a\.crt"\} (19\.9|20)/;
  assert.match(await metrics.expose(), days);
  const later = nodeMetrics();
  openCertificates({
    certificates: [pair],
    minVersion: "TLSv1.2",
    log,
    metrics: later,
    nowMs: () => Date.now() + 17 * dayMs,
  }).close();
  assert.match(logged.join(), /^a certificate expires soon.*"days":1[23]/);
});

test("files that cannot be read are one sentence each", (t) => {
  const { make, folder } = certificatesFor(t);
  const pair = make("a", { names: ["a.example"] });
  const table: [certFile: string, keyFile: string, why: RegExp][] = [
    [`${folder}/none`, pair.keyFile, /none: there is no such file$/],
    [pair.keyFile, pair.keyFile, /a\.key does not begin with a certificate in PEM$/],
    [
      pair.certFile,
      pair.certFile,
      /a\.crt does not hold a private key in PEM without a passphrase$/,
    ],
  ];
  for (const [certFile, keyFile, why] of table) {
    const open = () =>
      openCertificates({
        certificates: [{ certFile, keyFile }],
        minVersion: "TLSv1.2",
        log: noLog,
        metrics: nodeMetrics(),
      });
    assert.throws(open, (error) => error instanceof TallygateError && why.test(error.detail));
  }
});

/** Calls on new connections, one after the other, until `isOver`; each must be answered. */
async function keepCalling(
  t: TestContext,
  listener: Listener,
  isOver: () => boolean,
): Promise<number> {
  let calls = 0;
  for (; !isOver(); calls++) {
    const socket = await secureClient(t, listener, {
      servername: calls % 2 === 0 ? "a.example" : "b.example",
    });
    assert.match(await ask(socket), /^HTTP\/1.1 200 /);
  }
  return calls;
}

test("fifty reloads under load, every third of them wrong, fail no call", async (t) => {
  const { listener, store, old, next, logged } = await served(t, certificatesFor(t));
  let isOver = false;
  const load = Promise.all(Array.from({ length: 4 }, () => keepCalling(t, listener, () => isOver)));
  const pairs = [old, next].map(({ certFile, keyFile }, i) => {
    const kept = { certFile: `${certFile}.${i}`, keyFile: `${keyFile}.${i}`, cert: "" };
    replace(kept, { certFile, keyFile, cert: "" });
    return kept;
  });
  for (let i = 0; i < 50; i++) {
    const pair = pairs[i % 2] as MadeCertificate;
    replace(old, pair);
    if (i % 3 === 0) writeFileSync(old.keyFile, "");
    assert.equal(store.reload(), i % 3 !== 0);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => logged.length >= 50);
  isOver = true;
  const calls = await load;
  assert.ok(calls.every((count) => count > 0));
});
