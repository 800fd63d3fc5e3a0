/** The shop's customers: `GET /users/{id}`. */

import { notFound, serve } from "./serve.ts";

const names = ["Ada", "Bram", "Chiara", "Deniz", "Emeka", "Freya", "Goran", "Hana"];

serve(() => ({ segments: [, id = ""] }) => {
  const name = names[Number(id) - 1];
  return name === undefined ? notFound : { status: 200, body: { id: Number(id), name } };
});
