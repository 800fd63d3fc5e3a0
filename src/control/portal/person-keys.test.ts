import assert from "node:assert/strict";
import { test } from "node:test";
import type { KeyView, RegistryApi } from "../../hub/hub-api.ts";
import { allKeysOf, personKeysShown } from "./person-keys.ts";

function registryOf(count: number): RegistryApi {
  const ids = Array.from({ length: count }, (_, i) => `k_${String(i).padStart(6, "0")}`);
  const list: RegistryApi["list"] = ({ after, limit }) =>
    ids
      .filter((id) => id > after)
      .slice(0, limit)
      .map((id) => ({ id }) as KeyView);
  return { list } as RegistryApi;
}

test("all keys of a person are found, however many there are", () => {
  for (const count of [0, 1, personKeysShown - 1, personKeysShown, 3 * personKeysShown + 7]) {
    const found = allKeysOf(registryOf(count), "p_1").map(({ id }) => id);
    assert.equal(new Set(found).size, count);
    assert.equal(found.length, count);
  }
});
