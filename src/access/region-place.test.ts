import assert from "node:assert/strict";
import { test } from "node:test";
import { compileConfigValue } from "./config.ts";
import { placeOf } from "./region-place.ts";

test("a region is where its name says: a city, a cloud's name, a part of it; else nowhere", () => {
  const sydney = { latitude: -33.87, longitude: 151.21 };
  for (const name of ["sydney", "ap-southeast-2", "australiaeast", "prod-sydney-2", "syd"]) {
    assert.deepEqual(placeOf(name), sydney, name);
  }
  assert.equal(placeOf("hong-kong")?.latitude, 22.32);
  assert.equal(placeOf("us-east-1")?.longitude, -77.49);
  for (const name of ["blue", "eu", "region-1", "constructor", "x"]) {
    assert.equal(placeOf(name), undefined, name);
  }
});

test("a configured location is taken as degrees, and one that is none is refused", () => {
  const compiled = (location: string) =>
    compileConfigValue(
      {
        version: 1,
        regions: { blue: { listen: "127.0.0.1:8081", location } },
        plans: { free: { limits: [{ name: "day", per: "key", quota: 1, window: "day" }] } },
        routes: [{ path: "/", handler: "./hello.ts" }],
      },
      { file: "/test/tallygate.json", fileExists: () => true },
    );
  const well = compiled("-33.87, 151.21");
  assert.ok("config" in well);
  assert.deepEqual(well.config.regions[0]?.location, { latitude: -33.87, longitude: 151.21 });
  for (const location of ["91, 0", "0, 181", "Sydney", "1", "1,2,3", "1e2, 0"]) {
    assert.ok("problems" in compiled(location), location);
  }
});
