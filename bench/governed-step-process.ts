import { once } from "node:events";
import { openBenchLane, stepsPerSecond } from "./governed-step.ts";

// One of several processes on one ledger: `folder concurrent seconds`. Says when it is warm, starts when it is told
// to, and answers its rate to its parent.
const [folder, concurrent, seconds] = process.argv.slice(2);
const bench = await openBenchLane(folder);
await stepsPerSecond(bench.lane, Number(concurrent), 1);
process.send?.("warm");
await once(process, "message");
const rate = await stepsPerSecond(bench.lane, Number(concurrent), Number(seconds));
bench.close();
process.send?.(rate);
process.disconnect?.();
