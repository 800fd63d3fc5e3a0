/**
 * Orders: `POST /orders` with `{ "user": 3, "product": 1 }`, `GET /orders/{id}`. A file in `--data` stands for the database
 * that the copies of a real service share: what one copy took, the others know.
 */

import { randomUUID } from "node:crypto";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { notFound, type ServiceReply, serve } from "./serve.ts";

interface Order {
  readonly id: string;
  readonly user: number;
  readonly product: number;
}

serve(({ data }) => {
  const file = join(data, "orders.jsonl");
  return ({ method, segments: [, id], body }) => {
    if (method === "POST" && id === undefined) return take(body, file);
    const order = readOrders(file).find((each) => each.id === id);
    return order === undefined ? notFound : { status: 200, body: order };
  };
});

function take(body: string, file: string): ServiceReply {
  const wish = parse(body);
  if (!isId(wish?.user) || !isId(wish?.product)) {
    return { status: 422, body: { error: 'Say what for whom: { "user": 3, "product": 1 }.' } };
  }
  const order: Order = { id: randomUUID(), user: wish.user, product: wish.product };
  appendFileSync(file, `${JSON.stringify(order)}\n`);
  return { status: 201, body: order };
}

function parse(text: string): Partial<Order> | undefined {
  try {
    return JSON.parse(text) as Partial<Order>;
  } catch {
    return undefined;
  }
}

function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0;
}

function readOrders(file: string): Order[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Order);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
