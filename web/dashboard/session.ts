/** Who has logged in at this browser. */

import { api, setCsrfToken } from "../shared/api.ts";

export interface Operator {
  readonly id: string;
  readonly name: string;
  readonly role: "admin" | "read-only";
  readonly csrfToken: string | null;
}

/** Set while there may be a session: scripts cannot see its cookie, and asking without one is an error on the console. */
const markName = "tallygate-operator";

export function mayHaveSession(): boolean {
  try {
    return localStorage.getItem(markName) !== null;
  } catch {
    return true;
  }
}

function mark(isIn: boolean): void {
  try {
    if (isIn) localStorage.setItem(markName, "1");
    else localStorage.removeItem(markName);
  } catch {
    // Storage may be forbidden: then the server is asked each time.
  }
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
  forget();
}

/** The server knows no session (any more). */
export function forget(): void {
  mark(false);
  setCsrfToken("");
}

function taken(operator: Operator): Operator {
  setCsrfToken(operator.csrfToken ?? "");
  mark(true);
  return operator;
}
