/** Bugs of what happens when processes, clocks and disks are replaced. */

import { GatewayCore } from "../../gateway/core.ts";
import { NodeTime } from "../../gateway/node-time.ts";
import { Reigns } from "../../hub/epochs.ts";
import { GatewaySession } from "../../hub/gateway-session.ts";
import { type Plant, replaceMethod } from "./plant.ts";

export const operatorPlants: readonly Plant[] = [
  {
    name: "time-of-an-earlier-hub-kept",
    invariant: "L1",
    plant: () =>
      replaceMethod(NodeTime.prototype, "forgetSample", () => function (this: NodeTime) {}),
  },
  {
    name: "stopped-without-sending",
    invariant: "L3",
    plant: () => replaceMethod(GatewayCore.prototype, "stop", () => async function () {}),
  },
  {
    name: "second-hub-not-noticed",
    invariant: "I24",
    plant: () => replaceMethod(Reigns.prototype, "isForeign", () => () => false),
  },
  {
    name: "older-copy-not-noticed",
    invariant: "I24",
    plant: () =>
      replaceMethod(
        GatewaySession.prototype,
        "onMessage",
        (onMessage) =>
          function (this: GatewaySession, message, payload) {
            const isHello = message.kind === "hello";
            onMessage.call(this, isHello ? { ...message, journal: [] } : message, payload);
          },
      ),
  },
];
