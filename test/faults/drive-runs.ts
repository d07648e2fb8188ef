// drive-runs.ts <workspace> <server> work|finish: drives runs of the workspace's runbook `count`, until it is killed or,
// when it should finish, until every run has ended or waits. Prints `ready` when the workspace is open.
import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { openLane } from "../../src/cli/open-lane.ts";
import { openPolicies } from "../../src/gate/open-policies.ts";
import { advance } from "../../src/run/advance.ts";
import { startRun } from "../../src/run/start-run.ts";

const CONCURRENT = 3;
const [workspace = "", server = "", mode = "work"] = process.argv.slice(2);
const { lane, definitions, close } = await openLane(workspace, { origin: "test" });
// Loaded now, so that what is killed after `ready` is work on runs.
await openPolicies(definitions.policies());
writeSync(1, "ready\n");

const taken = lane.store.runs({ openOnly: true }).map(({ run }) => run);

async function work(): Promise<void> {
  for (;;) {
    const run = taken.shift() ?? (mode === "work" ? await start() : undefined);
    if (run === undefined) return;
    await advance(lane, run);
    await delay(0);
  }
}

async function start(): Promise<string> {
  const started = await startRun(lane, {
    runbook: definitions.runbook("count"),
    engagement: "local",
    inputs: { base: `${server}/${lane.randomHex(8)}` },
    requester: "olga",
  });
  if (!started.started) throw new Error(started.problems.join("; "));
  return started.run;
}

await Promise.all(Array.from({ length: CONCURRENT }, work));
await close();
