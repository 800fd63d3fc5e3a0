/** Bugs of strict limits. */

import { producerKey } from "../../base/words.ts";
import { Meter } from "../../gateway/meter.ts";
import { HubLeases } from "../../hub/hub-leases.ts";
import { LeaseDesk } from "../../hub/lease-desk.ts";
import { HeldCounters } from "../../limits/held-counters.ts";
import { openUnits } from "../../limits/lease-book.ts";
import { SimJournal } from "../storage/journal.ts";
import { type Plant, replaceMethod } from "./plant.ts";

export const leasePlants: readonly Plant[] = [
  {
    name: "final-credited-twice",
    invariant: "I20",
    plant: () =>
      replaceMethod(
        HubLeases.prototype,
        "batch",
        (batch) =>
          function (this: HubLeases, given) {
            const rests = given.leases.map((lease) => {
              const holder = producerKey(given.producer, lease.incarnation);
              const units = openUnits(this.counter(lease).book, { ...lease, holder });
              return units === undefined ? 0 : units - lease.spent;
            });
            batch.call(this, given);
            for (const [i, lease] of given.leases.entries()) {
              this.counter(lease).book.consumed -= rests[i] as number;
            }
          },
      ),
  },
  {
    name: "lease-reclaimed-on-time-out",
    invariant: "I21",
    plant: (world) =>
      replaceMethod(
        HubLeases.prototype,
        "counter",
        (counter) =>
          function (this: HubLeases, name) {
            const found = counter.call(this, name);
            for (const { open } of found.book.holders.values()) {
              for (const [request, units] of world.chance(0.02) ? open : []) {
                open.delete(request);
                found.book.held -= units;
              }
            }
            return found;
          },
      ),
  },
  {
    name: "spent-forgotten-at-restart",
    invariant: "I21",
    plant: () =>
      replaceMethod(
        Meter.prototype,
        "closeLease",
        (closeLease) =>
          function (this: Meter, lease, nowMs) {
            const isOfEarlierStart = lease.incarnation !== this.incarnation;
            closeLease.call(this, isOfEarlierStart ? { ...lease, spent: 0 } : lease, nowMs);
          },
      ),
  },
  {
    name: "spent-before-marked",
    invariant: "I22",
    plant: () =>
      replaceMethod(
        SimJournal.prototype,
        "mark",
        (mark) =>
          async function (this: SimJournal, leases) {
            void mark.call(this, leases);
          },
      ),
  },
  {
    name: "grant-sent-before-stored",
    invariant: "I23",
    plant: () =>
      replaceMethod(
        LeaseDesk.prototype,
        "ask",
        (ask) =>
          function (this: LeaseDesk, session, asks) {
            ask.call(this, session, asks);
            const answers = asks.map(({ request, want }) => {
              return { request, result: "granted" as const, units: want };
            });
            session.answerLeases(answers);
          },
      ),
  },
  {
    name: "held-units-not-found",
    invariant: "R3",
    plant: (world) =>
      replaceMethod(
        HeldCounters.prototype,
        "find",
        (find) =>
          function (this: HeldCounters, id, lo, hi) {
            const found = find.call(this, id, lo, hi);
            if (found === undefined || !world.chance(0.05)) return found;
            const { spendable } = found;
            found.spendable = 0;
            world.schedule(0, undefined, () => {
              found.spendable = Math.max(found.spendable, spendable);
            });
            return found;
          },
      ),
  },
  {
    name: "lease-end-forgotten",
    invariant: "L2",
    plant: (world) =>
      replaceMethod(
        Meter.prototype,
        "closeLease",
        (closeLease) =>
          function (this: Meter, lease, nowMs) {
            if (!world.chance(0.2)) closeLease.call(this, lease, nowMs);
          },
      ),
  },
];
