import assert from "node:assert/strict";
import { test } from "node:test";
import { nameIndex } from "./tls-names.ts";

test("a name finds the item that has it, else the one whose wildcard stands for its first label", () => {
  const index = nameIndex([
    { id: 1, names: ["a.example", "*.a.example"] },
    { id: 2, names: ["x.a.example", "a.example"] },
    { id: 3, names: ["localhost"] },
  ]);
  const table: [name: string, id: number | undefined][] = [
    ["a.example", 1],
    ["A.EXAMPLE.", 1],
    ["x.a.example", 2],
    ["y.a.example", 1],
    ["z.y.a.example", undefined],
    ["*.a.example", undefined],
    [".a.example", undefined],
    ["localhost", 3],
    ["example", undefined],
    ["", undefined],
  ];
  for (const [name, id] of table) assert.equal(index.find(name)?.id, id, name);
});
