/** What the schema of the configuration is put together from. Every `error` completes "expected …". */

import * as z from "zod";
import { durationPattern, listenPattern, sizePattern } from "./config-values.ts";

export function group<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys" ? `one of ${known}` : `a group of fields (${known})`,
  });
}

export function wholeNumber(min: number, max: number) {
  const error = `a whole number from ${commas(min)} to ${commas(max)}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

function commas(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

export function text(pattern: RegExp, error: string) {
  return z.string({ error }).regex(pattern, { error });
}

export function oneOf<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values, { error: `one of ${values.join(", ")}` });
}

export function list<Item extends z.ZodType>(item: Item, min: number, max: number) {
  const error = min === 0 ? `a list of at most ${max}` : `a list of ${min} to ${max}`;
  return z.array(item, { error }).min(min, { error }).max(max, { error });
}

export function named<Value extends z.ZodType>(name: z.ZodString, value: Value, max: number) {
  const error = `a group of 1 to ${max} names`;
  return z
    .record(name, value, { error })
    .refine((all) => Object.keys(all).length >= 1 && Object.keys(all).length <= max, { error });
}

export const listen = text(listenPattern, "an address to listen on such as 127.0.0.1:8080");
export const duration = text(durationPattern, "a duration such as 50ms, 5s, 10m, 24h or 7d");
export const size = text(sizePattern, "a size such as 512MB or 2GiB");
export const origin = text(
  /^https?:\/\/[^\s/?#@]{1,240}$/,
  "an origin such as https://sydney.example.com, without a path",
);

export const httpUrl = text(
  /^https?:\/\/[^\s/?#]+[^\s]*$/,
  "a URL that begins with http:// or https://",
);
export const regionName = text(
  /^[a-z][a-z0-9-]{0,31}$/,
  "a name of 1 to 32 of a-z, 0-9 and -, beginning with a letter",
);
