/** What is compared with what, and the bars: the table of `npm run bench`. */

import type { Contender } from "./peers/contender.ts";
import { haproxyProxy } from "./peers/haproxy.ts";
import { nginxMemory, nginxProxy } from "./peers/nginx.ts";
import {
  fastifyMemory,
  fastifyProxy,
  fastifyProxyAgain,
  nodeHttp,
  nodeHttpAgain,
} from "./peers/node-servers.ts";
import { tallygateMemory, tallygateProxy } from "./peers/tallygate.ts";
import type { Bar } from "./report.ts";

export interface Comparison {
  readonly title: string;
  readonly contenders: readonly Contender[];
  /** The one whose reply the others imitate. */
  readonly reference: Contender;
  /** Name of the contender to which all ratios are given. */
  readonly base: string;
  readonly bars: readonly Bar[];
}

const os = tallygateMemory("os");
const disk = tallygateMemory("disk");

export const comparisons: Readonly<Record<string, Comparison>> = {
  memory: {
    title: "From memory",
    contenders: [os, disk, nodeHttp, nodeHttpAgain, fastifyMemory, nginxMemory],
    reference: os,
    base: nodeHttp.name,
    bars: [
      { of: os.name, by: nodeHttp.name, connections: 64, atLeast: 0.8 },
      { of: os.name, by: nodeHttp.name, connections: 8, atLeast: 0.5 },
      { of: disk.name, by: nodeHttp.name, connections: 64, atLeast: 0.55 },
    ],
  },
  proxy: {
    title: "As a proxy",
    contenders: [tallygateProxy, fastifyProxy, fastifyProxyAgain, nginxProxy, haproxyProxy],
    reference: tallygateProxy,
    base: fastifyProxy.name,
    bars: [{ of: tallygateProxy.name, by: fastifyProxy.name, connections: 64, atLeast: 1.3 }],
  },
};
