/** Answers with a secret: 201, the same one again where the request carries an `Idempotency-Key`. */

import type { Context } from "hono";
import type { ControlContext } from "./control-context.ts";
import { createIdempotency } from "./idempotency.ts";
import { type AnyAnswer, type ControlEnv, problem } from "./problem.ts";

export interface SecretWork<T> {
  /** What must be equal in a repetition, beside method and path. */
  readonly body: unknown;
  /** Runs once for one Idempotency-Key. What it gives is JSON. */
  readonly work: () => Promise<T>;
  readonly headers: (made: T) => Readonly<Record<string, string>>;
}

export type AnswerOnce = <T extends object>(
  c: Context<ControlEnv>,
  once: SecretWork<T>,
) => Promise<AnyAnswer>;

export function secretAnswers(context: ControlContext): AnswerOnce {
  const { clock, random } = context;
  const idempotency = createIdempotency({ store: context.idempotency, clock, random });

  return async (c, { body, work, headers }) => {
    type Made = Awaited<ReturnType<typeof work>>;
    const reply = (made: Made, replayed: Readonly<Record<string, string>>): AnyAnswer =>
      c.json(made, 201, { ...headers(made), ...replayed }) as Response as AnyAnswer;
    const key = c.req.header("idempotency-key");
    if (key === undefined) return reply(await work(), {});

    const token = c.var.secret;
    const request = `${c.req.method} ${c.req.path} ${JSON.stringify(body)}`;
    const outcome = await idempotency.run(
      { key, token, principal: c.var.principal.id, request },
      async () => JSON.stringify(await work()),
    );
    switch (outcome.kind) {
      case "done": {
        const made = JSON.parse(outcome.answer) as Made;
        return reply(made, outcome.replayed ? { "Idempotent-Replayed": "true" } : {});
      }
      case "mismatch":
        return problem(c, {
          status: 422,
          detail: "This Idempotency-Key was used with another request within the last 24 hours.",
        });
      case "running":
        return problem(c, {
          status: 409,
          detail: "A request with this Idempotency-Key is still running.",
          headers: { "Retry-After": "1" },
        });
      case "interrupted":
        return problem(c, {
          status: 409,
          detail:
            "A request with this Idempotency-Key was interrupted and may have taken effect: look at what there is, then use a new one.",
        });
      case "gone":
        return problem(c, {
          status: 409,
          detail:
            "The request with this Idempotency-Key is done, but the admin token has changed since and its secret cannot be shown again.",
        });
    }
  };
}
