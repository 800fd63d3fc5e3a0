/** A thread that, asked, makes many small objects that live for a while, and replies with the bytes of its young generation. */

import { getHeapSpaceStatistics } from "node:v8";
import { serveThread } from "../thread-server.ts";

/** What lives at one time: more than a young generation that was not bounded would grow for. */
const livingMax = 50_000;
const made = 2_000_000;

function churn(): number {
  const living: object[] = [];
  for (let i = 0; i < made; i++) living[i % livingMax] = { i, text: [i] };
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
  return young?.space_size ?? Number.NaN;
}

serveThread(
  () => ({ handlers: { ask: churn }, ready: undefined }),
  () => ({ file: "", failed: "journal-failed" }),
);
