/** A limit in words. */

import { count } from "../shared/format.ts";

const windows: Readonly<Record<string, string>> = {
  second: "a second",
  minute: "a minute",
  hour: "an hour",
  day: "a day",
  week: "a week",
  month: "a month",
  "month@key": "a month, from the day the key was made",
};

export interface LimitWords {
  readonly per: string;
  readonly quota: number;
  readonly window: string;
}

/** `1,500 units a day, each key`. */
export function limitText({ per, quota, window }: LimitWords): string {
  const of = perText(per);
  return `${count(quota)} units ${windowText(window)}${of === "" ? "" : `, ${of}`}`;
}

export function windowText(window: string): string {
  return windows[window] ?? `in ${window}`;
}

function perText(per: string): string {
  if (per === "key") return "for each key";
  if (per === "owner") return "for all your keys together";
  if (per === "ip") return "for each address";
  return `for each ${per.replace(/^[a-z]+:/, "")}`;
}
