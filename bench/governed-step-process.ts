import { openBenchLane, stepsPerSecond } from "./governed-step.ts";

// One of several processes on one ledger: `folder concurrent seconds`, answers its rate to its parent.
const [folder, concurrent, seconds] = process.argv.slice(2);
const bench = await openBenchLane(folder);
// The first second compiles and fills caches.
await stepsPerSecond(bench.lane, Number(concurrent), 1);
const rate = await stepsPerSecond(bench.lane, Number(concurrent), Number(seconds));
bench.close();
process.send?.(rate);
