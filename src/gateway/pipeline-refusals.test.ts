/** Which refusals are told to the people whose keys they are. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { PipelineRig } from "./testing/pipeline-rig.ts";

test("a refused call is noted under its key, route and reason; an admitted one and one without a key are not", async () => {
  const rig = await PipelineRig.create();
  const headers = ["X-Api-Key", rig.key()];
  await rig.ask({ target: "/8.8.8.8", headers });
  assert.equal(rig.refusals.take(), undefined);
  for (let i = 0; i < 11; i++) await rig.ask({ target: "/8.8.8.8", headers });
  const [limited, ...others] = rig.refusals.take() ?? [];
  assert.deepEqual(others, []);
  assert.match(limited?.key ?? "", /^k_/);
  assert.deepEqual([limited?.route, limited?.reason, limited?.count], ["/{ip}", "limited:day", 2]);
  assert.equal(Number.isSafeInteger(limited?.lastMs), true, "the link takes whole numbers only");

  await rig.ask({ target: "/none/at/all", headers });
  assert.deepEqual(
    rig.refusals.take()?.map(({ route, reason }) => [route, reason]),
    [["", "route-unknown"]],
  );
  await rig.ask({ target: "/none/at/all" });
  await rig.ask({ target: "/8.8.8.8", headers: ["X-Api-Key", "ipd_live_wrong"] });
  assert.equal(rig.refusals.take(), undefined);
});
