import assert from "node:assert/strict";
import { test } from "node:test";
import { PipelineRig } from "./testing/pipeline-rig.ts";

const users = { upstreams: { users: { targets: ["http://127.0.0.1:8091"], connectionsMax: 4 } } };

test("above what an upstream can do a call is refused at once, and neither forwarded nor charged", async () => {
  const rig = await PipelineRig.create({ config: users });
  const headers = ["X-Api-Key", rig.key()];
  for (let i = 0; i < 4; i++) rig.send({ target: "/api/users/1", headers });
  const shed = rig.send({ target: "/api/users/1", headers });
  assert.equal(shed.status, 503);
  assert.equal(shed.header("retry-after"), "1");
  assert.equal(shed.header("x-tallygate-outcome"), "not-attempted");
  assert.equal(rig.forwarded.length, 4);
  assert.deepEqual(rig.used({ headers }), { day: 4, month: 4 });
  rig.forwarded[0]?.sink.started(200, []);
  rig.send({ target: "/api/users/1", headers });
  assert.equal(rig.forwarded.length, 5, "an answer makes room");
});

test("with `concurrency: off` nothing is refused for an upstream's latency", async () => {
  const off = { users: { ...users.upstreams.users, concurrency: "off" } };
  const rig = await PipelineRig.create({ config: { upstreams: off } });
  const headers = ["X-Api-Key", rig.key()];
  for (let i = 0; i < 9; i++) rig.send({ target: "/api/users/1", headers });
  assert.equal(rig.forwarded.length, 9);
});

test("over its quota a caller is told so, whatever the upstream's state", async () => {
  const rig = await PipelineRig.create({ config: users });
  for (let i = 0; i < 3; i++) rig.send({ target: "/api/users/1" });
  const limited = rig.send({ target: "/api/users/1" });
  assert.equal(limited.status, 429);
});

test("a client that leaves makes room, once", async () => {
  const rig = await PipelineRig.create({ config: users });
  const headers = ["X-Api-Key", rig.key()];
  const calls = Array.from({ length: 4 }, () => rig.send({ target: "/api/users/1", headers }));
  calls[0]?.leave();
  rig.send({ target: "/api/users/1", headers });
  assert.equal(rig.send({ target: "/api/users/1", headers }).status, 503);
});

test("the bound of a limit is what the region can have open: its own targets, and a name's many addresses", async () => {
  const rig = await PipelineRig.create({
    config: {
      upstreams: {
        users: {
          targets: ["http://127.0.0.1:8091", "http://127.0.0.1:8092"],
          regions: { sydney: ["http://127.0.0.1:8093"] },
          connectionsMax: 4,
        },
      },
    },
  });
  const headers = ["X-Api-Key", rig.key()];
  for (let i = 0; i < 4; i++) rig.send({ target: "/api/users/1", headers });
  assert.equal(rig.send({ target: "/api/users/1", headers }).status, 503);

  const name = { targets: ["http://users.example.com"], connectionsMax: 4 };
  const named = await PipelineRig.create({ config: { upstreams: { users: name } } });
  const key = ["X-Api-Key", named.key()];
  for (let i = 0; i < 9; i++) named.send({ target: "/api/users/1", headers: key });
  assert.equal(named.forwarded.length, 9);
});

test("a loop that is late sheds calls if its turns compute for long, and not if others have the core", async () => {
  const rig = await PipelineRig.create({ config: users });
  const statusAfterLateTurns = (turnCpuMs: number): number => {
    rig.turnCpuMs = turnCpuMs;
    for (let i = 0; i < 8; i++) rig.pass(300);
    return rig.send({ target: "/api/users/1" }).status;
  };
  assert.notEqual(statusAfterLateTurns(5), 503);
  assert.equal(statusAfterLateTurns(60), 503);
});
