import { runSeed } from "./run.ts";
const t0=performance.now(); const n=Number(process.argv[3]??1);
for (let s=Number(process.argv[2]); n>0 && s<Number(process.argv[2])+n; s++) {
 const r=await runSeed({seed:s, onTrace: process.argv[4]?console.log:undefined});
 console.log(s, JSON.stringify(r.violation), r.traceHash, r.events, r.admissions, r.denials, r.closedWindows, n===1?r.counts:"");
}
console.log(performance.now()-t0);
