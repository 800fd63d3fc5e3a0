/** A caller of the shop that keeps account of what it was answered. */

import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";

export interface ShopCall {
  readonly path: string;
  /** Left out: as anybody. */
  readonly key?: string;
  /** Makes it a POST. */
  readonly order?: { readonly user: number; readonly product: number };
}

export interface ShopAnswer {
  /** 0: none came. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The copy that gave it; "": none, the gateway itself did. */
  readonly servedBy: string;
  /** The problem says where to get a key. */
  readonly signup: boolean;
}

/** A call is given up after so long: the gateway's own time-outs are shorter. */
const answerMsMax = 15_000;

export class ShopCaller {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 });

  constructor(url: string) {
    this.#url = url;
  }

  call({ path, key, order }: ShopCall): Promise<ShopAnswer> {
    const body = order === undefined ? undefined : JSON.stringify(order);
    return new Promise((resolve) => {
      const none = (): void => resolve({ status: 0, headers: {}, servedBy: "", signup: false });
      const asked = request(this.#url + path, {
        agent: this.#agent,
        method: body === undefined ? "GET" : "POST",
        headers: {
          ...(key === undefined ? {} : { "x-api-key": key }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        timeout: answerMsMax,
      });
      asked.once("timeout", () => asked.destroy());
      asked.once("error", none);
      asked.once("response", (reply: IncomingMessage) => {
        const { statusCode: status = 0, headers } = reply;
        const servedBy = String(headers["x-served-by"] ?? "");
        let text = "";
        reply.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        reply.once("end", () => {
          const signup = status === 429 && text.includes('"signup"');
          resolve({ status, headers, servedBy, signup });
        });
        // A body that breaks off is no answer.
        reply.once("error", none);
      });
      asked.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Counts by name, in the order in which names came first. */
export class Tally {
  readonly counts = new Map<string, number>();

  add(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  of(name: string): number {
    return this.counts.get(name) ?? 0;
  }
}
