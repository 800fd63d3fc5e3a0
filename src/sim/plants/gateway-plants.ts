/** Bugs of a gateway. */

import { versionZero } from "../../base/words.ts";
import { Call } from "../../gateway/call.ts";
import { KeyReplica } from "../../gateway/key-replica.ts";
import { Meter } from "../../gateway/meter.ts";
import { OwnCharges } from "../../gateway/own-charges.ts";
import { Pipeline } from "../../gateway/pipeline.ts";
import { RegionView } from "../../gateway/region-view.ts";
import { RowFinder } from "../../gateway/row-finder.ts";
import { StalenessGuard } from "../../gateway/staleness-guard.ts";
import { SimExchange } from "../exchange.ts";
import { type Plant, replaceMethod } from "./plant.ts";

export const gatewayPlants: readonly Plant[] = [
  {
    name: "own-charges-released-twice",
    invariant: "I1",
    plant: () =>
      replaceMethod(
        OwnCharges.prototype,
        "cover",
        (cover) =>
          function (this: OwnCharges, incarnation, upTo, release) {
            cover.call(this, incarnation, upTo, (batch) => {
              release(batch);
              release(batch);
            });
          },
      ),
  },
  {
    name: "own-charges-never-released",
    invariant: "I17",
    plant: () =>
      replaceMethod(
        OwnCharges.prototype,
        "cover",
        (cover) =>
          function (this: OwnCharges, incarnation, upTo) {
            cover.call(this, incarnation, upTo, () => {});
          },
      ),
  },
  {
    name: "older-view-applied",
    invariant: "I2",
    plant: (world) =>
      replaceMethod(
        RegionView.prototype,
        "apply",
        (apply) =>
          function (this: RegionView, update, nowMs) {
            if (world.chance(0.002)) this.version = { ...versionZero, epoch: this.version.epoch };
            return apply.call(this, update, nowMs);
          },
      ),
  },
  {
    name: "call-charged-twice",
    invariant: "I10",
    plant: (world) =>
      replaceMethod(
        Meter.prototype,
        "charge",
        (charge) =>
          function (this: Meter, call) {
            const position = charge.call(this, call);
            return world.chance(0.05) ? charge.call(this, call) : position;
          },
      ),
  },
  {
    name: "charged-to-another-owner",
    invariant: "I12",
    plant: (world) =>
      replaceMethod(
        RowFinder.prototype,
        "define",
        (define) =>
          function (this: RowFinder, call, hour) {
            const row = define.call(this, call, hour);
            return world.chance(0.02) && row.owner !== "" ? { ...row, owner: "globex" } : row;
          },
      ),
  },
  {
    name: "quota-read-wrong",
    invariant: "I15",
    plant: () => () => {},
    misread: (quotas) => {
      const { small } = quotas;
      return { ...quotas, small: { ...small, minute: small.minute * 4 } };
    },
  },
  {
    name: "flush-forgotten",
    invariant: "I16",
    plant: (world) =>
      replaceMethod(
        Meter.prototype,
        "flush",
        (flush) =>
          async function (this: Meter, nowMs) {
            if (world.chance(0.02)) await flush.call(this, nowMs);
          },
      ),
  },
  {
    name: "guard-asks-only-for-echoes",
    invariant: "I16",
    plant: () =>
      replaceMethod(
        StalenessGuard.prototype,
        "cutOffMs",
        (cutOffMs) =>
          function (this: StalenessGuard, nowMs, monotonicMs) {
            const none = { oldestChargeAtMs: 0, isAgeUnknown: false };
            return cutOffMs.call(this, nowMs, monotonicMs, none);
          },
      ),
  },
  {
    name: "guard-asks-only-for-charges",
    invariant: "I16",
    plant: () =>
      replaceMethod(
        StalenessGuard.prototype,
        "cutOffMs",
        (cutOffMs) =>
          function (this: StalenessGuard, nowMs, monotonicMs, own) {
            this.echoed(monotonicMs);
            return cutOffMs.call(this, nowMs, monotonicMs, own);
          },
      ),
  },
  {
    name: "guard-never-asked",
    invariant: "Theorem 2",
    plant: () => replaceMethod(StalenessGuard.prototype, "cutOffMs", () => () => 0),
  },
  {
    name: "totals-forgotten",
    invariant: "I16",
    plant: (world) =>
      replaceMethod(
        RegionView.prototype,
        "apply",
        (apply) =>
          function (this: RegionView, update, certainMs) {
            const windows = world.chance(0.1) ? [] : update.windows;
            return apply.call(this, { ...update, windows }, certainMs);
          },
      ),
  },
  {
    name: "forward-before-decide",
    invariant: "I19",
    plant: () =>
      replaceMethod(
        SimExchange.prototype,
        "reply",
        (reply) =>
          function (this: SimExchange, status, headers, body) {
            if (status === 429) void this.forwarded();
            reply.call(this, status, headers, body);
          },
      ),
  },
  {
    name: "failed-call-sent-again",
    invariant: "I30",
    plant: () =>
      replaceMethod(
        Call.prototype,
        "answer",
        (answer) =>
          function (this: Call, status, headers, body) {
            if (status === 502 && this.exchange instanceof SimExchange) {
              void this.exchange.forwarded();
            }
            answer.call(this, status, headers, body);
          },
      ),
  },
  {
    name: "decision-waits",
    invariant: "I18",
    plant: (world) =>
      replaceMethod(
        Pipeline.prototype,
        "take",
        (take) =>
          function (this: Pipeline, exchange) {
            world.schedule(1, undefined, () => take.call(this, exchange));
          },
      ),
  },
  {
    name: "unknown-key-is-anonymous",
    invariant: "I28",
    plant: () =>
      replaceMethod(
        Pipeline.prototype,
        "take",
        (take) =>
          function (this: Pipeline, exchange) {
            const isUnknown = exchange.headers.includes("sim_live_unknown");
            if (isUnknown) Object.defineProperty(exchange, "headers", { value: ["Host", "x.org"] });
            take.call(this, exchange);
          },
      ),
  },
  {
    name: "update-half-applied",
    invariant: "L1",
    plant: (world) =>
      replaceMethod(
        RegionView.prototype,
        "apply",
        (apply) =>
          function (this: RegionView, update, nowMs) {
            const windows = world.chance(0.05) ? [] : update.windows;
            return apply.call(this, { ...update, windows }, nowMs);
          },
      ),
  },
  {
    name: "totals-exchanged",
    invariant: "L1",
    plant: (world) =>
      replaceMethod(
        RegionView.prototype,
        "apply",
        (apply) =>
          function (this: RegionView, update, nowMs) {
            // Two counters of one window change places: the window's sum is right.
            const windows = update.windows.map((window) => {
              if (window.net.length < 2 || !world.chance(0.1)) return window;
              const net = window.net.slice();
              [net[0], net[1]] = [net[1] as number, net[0] as number];
              return { ...window, net };
            });
            return apply.call(this, { ...update, windows }, nowMs);
          },
      ),
  },
  {
    name: "revocation-not-applied-again",
    invariant: "I25",
    plant: () =>
      replaceMethod(
        KeyReplica.prototype,
        "load",
        (load) =>
          async function (this: KeyReplica) {
            const { table } = this;
            const apply = table.apply.bind(table);
            // Saved tombstones are read as if they were keys.
            table.apply = (bytes, at, length) => {
              const copy = bytes.slice(at, at + length);
              copy[1] = (copy[1] as number) & ~1;
              return apply(copy, 0, length);
            };
            await load.call(this);
            table.apply = apply;
          },
      ),
  },
];
