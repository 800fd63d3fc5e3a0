import type { Claim } from "./claim.ts";
import { measureTests } from "./support/from-tests.ts";

const secondsMax = 120;

export const claim: Claim = {
  id: "2-simulator",
  sentence:
    "1,000 seeds of the simulator, each with ≥ 20,000 events, ≥ 2,000 admissions and ≥ 3 closed windows, break no invariant; 200 of 200 repeat their trace; each kind of fault fires ≥ 1,000 times, each way of recovery is taken ≥ 50 times",
  bar: "0 violations; 1,000 seeds in ≤ 120 s; 200 of 200 traces repeated",
  minutesMax: 20,
  measure: async () => {
    const { figure, met } = await measureTests("test/simulator.test.ts");
    const seconds = Number(/ seeds in ([0-9]+) s /.exec(figure)?.[1] ?? Number.NaN);
    return { figure, met: met && seconds <= secondsMax };
  },
};
