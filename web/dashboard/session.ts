/** Who has logged in at this browser. */

import { api, setCsrfToken } from "../shared/api.ts";

export interface Operator {
  readonly id: string;
  readonly name: string;
  readonly role: "admin" | "read-only";
  readonly csrfToken: string | null;
}

/** Fails with an `ApiError` of status 401 where nobody has. */
export async function whoAmI(): Promise<Operator> {
  return taken(await api<Operator>("/v1/session"));
}

export async function logIn(token: string): Promise<Operator> {
  return taken(await api<Operator>("/v1/session", { method: "POST", body: { token } }));
}

export async function logOut(): Promise<void> {
  await api("/v1/session", { method: "DELETE" });
}

function taken(operator: Operator): Operator {
  setCsrfToken(operator.csrfToken ?? "");
  return operator;
}
