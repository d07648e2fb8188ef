import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { newestRuns } from "../src/cli/newest-runs.ts";
import { sshPublicKeyText } from "../src/format/ssh-public-key.ts";
import { APPROVAL_PAYLOAD_TYPE } from "../src/format/statement.ts";
import { advance } from "../src/run/advance.ts";
import { reportEngagement } from "../src/run/engagement-report.ts";
import { recordApproval } from "../src/run/record-approval.ts";
import { startRun } from "../src/run/start-run.ts";
import { viewRun } from "../src/run/view-run.ts";
import { exampleContract, exampleRunbook, noopAdapter } from "../test/fixtures/contracts.ts";
import { openTestLane } from "../test/fixtures/lane.ts";
import { newSshKey, sshEnvelope } from "../test/fixtures/ssh-signer.ts";
import { type Effort, type Line, medianOf } from "./figure.ts";

/** Approvals by an SSH key, and the report of an engagement, in one process. */
export async function benchPeople(effort: Effort): Promise<Line[]> {
  return [...(await benchApproval(effort)), ...(await benchPaused(effort)), ...(await benchReport(effort))];
}

/** From a signed approval in hand to the receipt of the call that it let go: recorded, decided, dispatched, called, sealed. */
async function benchApproval({ quick }: Effort): Promise<Line[]> {
  const ssh = newSshKey();
  const authority = { roles: ["operator" as const], approval: "designated" as const };
  const test = await openTestLane({
    adapters: [noopAdapter],
    contracts: [exampleContract({ effect: "intrusive", authority })],
    approverKey: { publicKey: sshPublicKeyText(ssh.key) },
  });
  try {
    const runbook = exampleRunbook();
    await test.authorize(runbook);
    const { lane } = test;
    const times: number[] = [];
    for (let n = 0; n < (quick ? 50 : 500); n++) {
      const inputs = { host: "www.example.test" };
      const started = await startRun(lane, { runbook, engagement: "acme", inputs, requester: "otto" });
      if (!started.started) throw new Error(started.problems.join("; "));
      await advance(lane, started.run);
      const actionDigest = viewRun(lane, started.run).steps[0]?.waitingFor?.actionDigest;
      const approval = sshEnvelope(ssh, APPROVAL_PAYLOAD_TYPE, {
        purpose: "witnessops/approval/v1",
        decision: "approve",
        actionDigest,
        principal: "anna",
        notAfter: new Date(Date.now() + 3_600_000).toISOString(),
        nonce: randomBytes(16).toString("hex"),
      });
      const began = performance.now();
      await recordApproval(lane, started.run, approval);
      const state = await advance(lane, started.run);
      times.push(performance.now() - began);
      if (state.closed === undefined) throw new Error("the approved run did not end");
    }
    times.sort((a, b) => a - b);
    const p99 = times[Math.floor(times.length * 0.99)] ?? Number.NaN;
    return [
      {
        id: "approvedP50",
        name: "approved to executed, p50",
        kind: "figure",
        value: medianOf(times),
        unit: "ms",
      },
      {
        id: "approvedP99",
        name: "approved to executed, p99",
        kind: "figure",
        value: p99,
        unit: "ms",
        target: { atMost: 50 },
      },
    ];
  } finally {
    test.close();
  }
}

/** Runs that wait are rows and receipts, and nothing else: what a process that opens their workspace pays for them. */
async function benchPaused({ quick }: Effort): Promise<Line[]> {
  const count = quick ? 300 : 10_000;
  const authority = { roles: ["operator" as const], approval: "designated" as const };
  const contracts = [exampleContract({ effect: "intrusive", authority })];
  const test = await openTestLane({ adapters: [noopAdapter], contracts });
  try {
    const runbook = exampleRunbook();
    await test.authorize(runbook);
    const inputs = { host: "www.example.test" };
    for (let n = 0; n < count; n++) {
      const started = await startRun(test.lane, { runbook, engagement: "acme", inputs, requester: "otto" });
      if (!started.started) throw new Error(started.problems.join("; "));
      await advance(test.lane, started.run);
    }
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const heap = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = heap();
    const lane = await test.again();
    const states = lane.states;
    const listed = (): number => {
      const view = (run: string) => viewRun({ store: lane.store, states }, run);
      const began = performance.now();
      const { runs } = newestRuns({ store: lane.store, view }, true, 100);
      if (runs.length !== 100) throw new Error(`${runs.length} runs wait`);
      return performance.now() - began;
    };
    const opened = heap() - before;
    const cpu = process.cpuUsage();
    const seconds = quick ? 0.5 : 3;
    await delay(seconds * 1000);
    const { user, system } = process.cpuUsage(cpu);
    const name = `${count.toLocaleString("en")} paused runs`;
    return [
      {
        id: "pausedMemory",
        name: `${name}, memory of a process`,
        kind: "figure",
        value: opened / 1_048_576,
        unit: "MiB",
        target: { atMost: 5 },
      },
      {
        id: "pausedCpu",
        name: `${name}, idle`,
        kind: "figure",
        value: (user + system) / 10_000 / seconds,
        unit: "% CPU",
        target: { atMost: 1 },
      },
      {
        id: "listWaiting",
        name: `run list --waiting of ${name}`,
        kind: "figure",
        value: listed(),
        unit: "ms",
        target: { atMost: 100 },
      },
    ];
  } finally {
    test.close();
  }
}

async function benchReport({ quick }: Effort): Promise<Line[]> {
  const test = await openTestLane({ adapters: [noopAdapter], contracts: [exampleContract()] });
  try {
    const runbook = exampleRunbook({ id: "example-long" }, 50);
    await test.authorize(runbook);
    const { lane } = test;
    const inputs = { host: "www.example.test" };
    const runs = quick ? 20 : 193;
    for (let n = 0; n < runs; n++) {
      const started = await startRun(lane, { runbook, engagement: "acme", inputs, requester: "otto" });
      if (!started.started) throw new Error(started.problems.join("; "));
      await advance(lane, started.run);
    }
    const began = performance.now();
    const report = reportEngagement(lane.store, "acme", new Date().toISOString());
    const seconds = (performance.now() - began) / 1000;
    // Every run has a receipt for each step, one for its opening and one for its end.
    const receipts = report.ran.length + 2 * report.runs.length;
    if (receipts !== runs * 52) throw new Error(`the report holds ${receipts} receipts`);
    return [
      {
        id: "reportSeconds",
        name: `report of an engagement, ${receipts.toLocaleString("en")} receipts`,
        kind: "figure",
        value: seconds,
        unit: "s",
        target: { atMost: 5 },
      },
    ];
  } finally {
    test.close();
  }
}
