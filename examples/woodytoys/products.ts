/** What the shop sells: `GET /products`, `GET /products/{id}`. */

import { notFound, serve } from "./serve.ts";

const products = [
  { id: 1, name: "rocking horse", cents: 12_900 },
  { id: 2, name: "train with three wagons", cents: 4_500 },
  { id: 3, name: "abacus", cents: 2_250 },
  { id: 4, name: "spinning top", cents: 690 },
  { id: 5, name: "doll's house", cents: 18_500 },
  { id: 6, name: "building blocks", cents: 3_400 },
];

serve(() => ({ segments: [, id] }) => {
  if (id === undefined) return { status: 200, body: products };
  const product = products.find((each) => String(each.id) === id);
  return product === undefined ? notFound : { status: 200, body: product };
});
