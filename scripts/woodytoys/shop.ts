/** The shop as its story's callers see it: calls by plan, and the account of what they were answered. */

import type { DevState } from "../../src/cli/dev-state.ts";
import { createKey } from "../demo-key.ts";
import { type ShopAnswer, type ShopCall, ShopCaller, type Tally } from "./caller.ts";

export type Plan = "anonymous" | "starter" | "partner";

/** What the callers of one plan were answered. */
export interface PlanAccount {
  /** By a service. */
  answered: number;
  /** Of the answered. */
  orders: number;
  /** 429 of the gateway's: not forwarded, not charged. */
  refused: number;
  /** 503 before anything was forwarded, and not charged: the machine is busy. To be tried again. */
  shed: number;
  /** Anything else: there is to be none. */
  failed: number;
}

/** What `GET /-/usage` says of one limit. */
export interface LimitView {
  readonly name: string;
  readonly quota: number;
  readonly remaining: number;
  readonly resetsAt: string;
}

export class Shop {
  readonly url: string;
  readonly state: DevState;
  readonly keys: ReadonlyMap<Plan, string>;
  readonly accounts: ReadonlyMap<Plan, PlanAccount>;
  readonly #caller: ShopCaller;

  private constructor(state: DevState, url: string, keys: ReadonlyMap<Plan, string>) {
    this.state = state;
    this.url = url;
    this.keys = keys;
    this.#caller = new ShopCaller(url);
    const plans = ["anonymous", ...keys.keys()] as Plan[];
    this.accounts = new Map(
      plans.map((plan) => [plan, { answered: 0, orders: 0, refused: 0, shed: 0, failed: 0 }]),
    );
  }

  /** Makes a key of each plan that has keys. */
  static async open(state: DevState): Promise<Shop> {
    const [region] = Object.values(state.regions);
    const keys = new Map<Plan, string>();
    for (const plan of ["starter", "partner"] as const)
      keys.set(plan, await createKey(state, plan));
    return new Shop(state, region?.url ?? "", keys);
  }

  /** Answers are added to `seen` by the copy that gave them. */
  async call(plan: Plan, call: Omit<ShopCall, "key">, seen?: Tally): Promise<ShopAnswer> {
    const key = this.keys.get(plan);
    const answer = await this.#caller.call({ ...call, ...(key === undefined ? {} : { key }) });
    const account = this.accounts.get(plan) as PlanAccount;
    const isAnswered = answer.servedBy !== "" && answer.status < 300;
    if (isAnswered) {
      account.answered++;
      if (call.order !== undefined) account.orders++;
      seen?.add(answer.servedBy);
    } else if (answer.status === 429) account.refused++;
    else if (isShed(answer)) account.shed++;
    else account.failed++;
    return answer;
  }

  /** Not charged. Of the limit named `minute`. */
  async minute(plan: Plan): Promise<LimitView> {
    const key = this.keys.get(plan);
    const reply = await fetch(`${this.url}/-/usage`, {
      headers: key === undefined ? {} : { "x-api-key": key },
    });
    const { limits } = (await reply.json()) as { readonly limits: readonly LimitView[] };
    const minute = limits.find(({ name }) => name === "minute");
    if (minute === undefined) throw new Error(`plan ${plan} has no limit named minute`);
    return minute;
  }

  close(): void {
    this.#caller.close();
  }
}

export function isShed({ status, headers }: ShopAnswer): boolean {
  return status === 503 && headers["x-tallygate-outcome"] !== "attempted";
}
