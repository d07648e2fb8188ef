import { type ChildProcess, fork } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Runbook } from "../src/contract/runbook.ts";
import { deepFreeze } from "../src/format/json.ts";
import type { PolicyRequest } from "../src/gate/facts.ts";
import { openPolicies } from "../src/gate/open-policies.ts";
import { advance } from "../src/run/advance.ts";
import type { Lane } from "../src/run/lane.ts";
import { startRun } from "../src/run/start-run.ts";
import { exampleContract, exampleRunbook, noopAdapter } from "../test/fixtures/contracts.ts";
import { defaultPolicies, openTestLane, type TestLane } from "../test/fixtures/lane.ts";
import { type Effort, type Line, rateOf } from "./figure.ts";

const STEPS = 5;
const CONCURRENT = 64;

/** As long as most runs are. */
export const shortRunbook = deepFreeze(exampleRunbook({}, STEPS));
/** As long as a run that goes alone has to be for its steps to count. */
export const longRunbook = deepFreeze(exampleRunbook({ id: "example-long" }, 50));

/** Opens the lane that the governed step is measured on; the first process in a folder makes its workspace. */
export async function openBenchLane(folder?: string): Promise<TestLane> {
  const file = folder === undefined ? undefined : join(folder, "definitions.json");
  const isMade = file !== undefined && existsSync(file);
  const test = await openTestLane({
    adapters: [noopAdapter],
    contracts: [exampleContract()],
    ...(folder === undefined ? {} : { folder }),
    ...(isMade ? { shared: JSON.parse(readFileSync(file, "utf8")) } : {}),
  });
  await test.authorize(exampleRunbook({}, STEPS), exampleRunbook({ id: "example-long" }, 50));
  if (file !== undefined && !isMade) writeFileSync(file, JSON.stringify(test.shared()));
  return test;
}

/** Runs five-step runs, `concurrent` at a time, for `seconds`; resolves to steps per second. */
export async function stepsPerSecond(lane: Lane, concurrent: number, seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let steps = 0;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: concurrent }, async () => {
      while (performance.now() < end) {
        await oneRun(lane, shortRunbook);
        steps += STEPS;
      }
    }),
  );
  return (steps / (performance.now() - began)) * 1000;
}

/** Starts a run and drives it to its end; resolves to its id. */
export async function oneRun(lane: Lane, runbook: Runbook, onMove?: () => void): Promise<string> {
  const inputs = { host: "www.example.test" };
  const started = await startRun(lane, { runbook, engagement: "acme", inputs, requester: "otto" });
  if (!started.started) throw new Error(started.problems.join("; "));
  const state = await advance(lane, started.run, onMove);
  if (state.closed === undefined) throw new Error(`run ${started.run} did not end`);
  return started.run;
}

/** Figures of the governed step and the floors it stands on, measured in this run. */
export async function benchGovernedStep({ quick }: Effort): Promise<Line[]> {
  const seconds = quick ? 1 : 5;
  const bench = await openBenchLane();
  try {
    // The first seconds compile and fill caches.
    await stepsPerSecond(bench.lane, CONCURRENT, quick ? 1 : 2);
    const concurrent = await stepsPerSecond(bench.lane, CONCURRENT, seconds);
    const { p50, p99 } = await latencies(bench.lane, quick ? 3 : 20);
    const one = await processes(1, seconds);
    const two = await processes(2, seconds);
    return [
      {
        id: "stepsPerSecond",
        name: "governed step, 64 concurrent runs of five",
        kind: "figure",
        value: concurrent,
        unit: "steps/s",
        target: { atLeast: 1500 },
      },
      {
        id: "stepP50",
        name: "governed step, one at a time, p50",
        kind: "figure",
        value: p50,
        unit: "ms",
        target: { atMost: 2 },
      },
      {
        id: "stepP99",
        name: "governed step, one at a time, p99",
        kind: "figure",
        value: p99,
        unit: "ms",
        target: { atMost: 10 },
      },
      { id: "oneProcess", name: "steps of one process", kind: "figure", value: one, unit: "steps/s" },
      { id: "twoProcesses", name: "steps of two processes", kind: "figure", value: two, unit: "steps/s" },
      {
        id: "twoToOneProcess",
        name: "two processes on one workspace over one",
        kind: "ratio",
        value: two / one,
        unit: "x",
        target: { atLeast: 1.5 },
      },
      ...(await floors(quick ? 300 : 1000)),
    ];
  } finally {
    bench.close();
  }
}

/** Time between two moves of a run that goes alone: gates, dispatch, adapter, receipt. */
async function latencies(lane: Lane, runs: number): Promise<{ p50: number; p99: number }> {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    let last = 0;
    await oneRun(lane, longRunbook, () => {
      const now = performance.now();
      if (last !== 0) times.push(now - last);
      last = now;
    });
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}

/** Steps per second of `count` processes together on one ledger. */
async function processes(count: number, seconds: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-bench-"));
  try {
    (await openBenchLane(folder)).close();
    const script = join(import.meta.dirname, "governed-step-process.ts");
    const children = Array.from({ length: count }, () =>
      fork(script, [folder, String(CONCURRENT), String(seconds)], {
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      }),
    );
    await Promise.all(children.map(answerOf));
    const answers = children.map(answerOf);
    for (const child of children) child.send("go");
    const rates = await Promise.all(answers);
    return rates.reduce<number>((sum, rate) => sum + Number(rate), 0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The next thing that a process says. */
function answerOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", (code) => reject(new Error(`a process of the bench ended with ${code}`)));
  });
}

/** What the machine gives at most: nothing governed can be faster than these. */
async function floors(millis: number): Promise<Line[]> {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-floor-"));
  try {
    const file = openSync(join(folder, "append"), "w");
    const page = Buffer.alloc(4096, 1);
    const appends = rateOf(() => {
      writeSync(file, page);
      fsyncSync(file);
    }, millis);
    closeSync(file);
    const db = new DatabaseSync(join(folder, "floor.sqlite"));
    db.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (bytes BLOB)");
    const insert = db.prepare("INSERT INTO t VALUES (?)");
    const commits = rateOf(() => insert.run(page), millis);
    db.close();
    const { privateKey } = generateKeyPairSync("ed25519");
    const message = Buffer.alloc(3000, 1);
    const signs = rateOf(() => sign(null, message, privateKey), millis);
    const policies = await openPolicies(defaultPolicies());
    let n = 0;
    const fresh = rateOf(() => policies.decide(policyRequest(`otto-${n++}`)), millis);
    const memoised = rateOf(() => policies.decide(policyRequest("otto")), millis);
    return [
      floor("syncedAppends", "synced appends of 4 KiB", appends),
      floor("sqliteCommits", "SQLite commits, write-ahead, synced", commits),
      floor("ed25519Signs", "Ed25519 signatures over 3 KB", signs),
      floor("cedarDecisions", "Cedar decisions, each another request", fresh),
      floor("cedarMemoised", "Cedar decisions, the same request again", memoised),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function floor(id: string, name: string, value: number): Line {
  return { id, name: `floor: ${name}`, kind: "floor", value, unit: "/s" };
}

function policyRequest(principal: string): PolicyRequest {
  return {
    principal: { id: principal, attributes: { kind: "human", roles: ["operator"] } },
    action: "invoke",
    resource: {
      id: "example.noop@1.0.0",
      attributes: {
        effect: "read",
        adapter: "noop",
        egress: "none",
        isolation: "in-process",
        idempotency: "safe",
        approval: "none",
      },
    },
    context: { environment: "production", classification: "internal", engagement: "acme", draft: false },
  };
}
