/** What handlers import: their types, and a Response that costs a fraction of the built-in one. */

export { FastResponse } from "srvx/node";
export type { Handler, HandlerCall, HandlerCaller } from "./ports/handler.ts";
