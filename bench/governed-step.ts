import { fork } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { deepFreeze } from "../src/format/json.ts";
import type { PolicyRequest } from "../src/gate/facts.ts";
import { openPolicies } from "../src/gate/open-policies.ts";
import { advance } from "../src/run/advance.ts";
import type { Lane } from "../src/run/lane.ts";
import { startRun } from "../src/run/start-run.ts";
import { exampleContract, exampleRunbook, noopAdapter } from "../test/fixtures/contracts.ts";
import { defaultPolicies, openTestLane, type TestLane } from "../test/fixtures/lane.ts";
import type { Figure } from "./figure.ts";

const STEPS = 5;
const CONCURRENT = 64;
const SECONDS = 4;

/** Opens the lane that the governed step is measured on. */
export function openBenchLane(folder?: string): Promise<TestLane> {
  return openTestLane({
    adapters: [noopAdapter],
    contracts: [exampleContract()],
    ...(folder === undefined ? {} : { folder }),
  });
}

/** Runs five-step runs, `concurrent` at a time, for `seconds`; resolves to steps per second. */
export async function stepsPerSecond(lane: Lane, concurrent: number, seconds: number): Promise<number> {
  const runbook = deepFreeze(exampleRunbook({}, STEPS));
  const end = performance.now() + seconds * 1000;
  let steps = 0;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: concurrent }, async () => {
      while (performance.now() < end) {
        await oneRun(lane, runbook);
        steps += STEPS;
      }
    }),
  );
  return (steps / (performance.now() - began)) * 1000;
}

async function oneRun(
  lane: Lane,
  runbook: ReturnType<typeof exampleRunbook>,
  onMove?: () => void,
): Promise<void> {
  const inputs = { host: "www.example.test" };
  const started = await startRun(lane, { runbook, engagement: "acme", inputs, requester: "otto" });
  if (!started.started) throw new Error(started.problems.join("; "));
  const state = await advance(lane, started.run, onMove);
  if (state.closed === undefined) throw new Error(`run ${started.run} did not end`);
}

/** Figures of the governed step and the floors it stands on, measured in this run. */
export async function benchGovernedStep(): Promise<Figure[]> {
  const bench = await openBenchLane();
  try {
    await stepsPerSecond(bench.lane, 8, 1);
    const concurrent = await stepsPerSecond(bench.lane, CONCURRENT, SECONDS);
    const { p50, p99 } = await latencies(bench.lane);
    const one = await processes(1);
    const two = await processes(2);
    return [
      { name: "governed step, 64 concurrent", value: concurrent, unit: "steps/s", target: { atLeast: 1500 } },
      { name: "governed step, one at a time, p50", value: p50, unit: "ms", target: { atMost: 2 } },
      { name: "governed step, one at a time, p99", value: p99, unit: "ms", target: { atMost: 10 } },
      { name: "governed step, one process of its own", value: one, unit: "steps/s" },
      { name: "governed step, two processes on one workspace", value: two, unit: "steps/s" },
      { name: "two processes over one", value: two / one, unit: "x", target: { atLeast: 1.5 } },
      ...floors(),
      { name: "floor: Cedar decisions, not memoised", value: await cedarDecisions(), unit: "/s" },
    ];
  } finally {
    bench.close();
  }
}

/** Time between two moves of a run that goes alone: gates, dispatch, adapter, receipt. */
async function latencies(lane: Lane): Promise<{ p50: number; p99: number }> {
  const times: number[] = [];
  const runbook = exampleRunbook({}, 50);
  for (let run = 0; run < 10; run++) {
    let last = 0;
    await oneRun(lane, runbook, () => {
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
async function processes(count: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-bench-"));
  try {
    const script = join(import.meta.dirname, "governed-step-process.ts");
    const rates = await Promise.all(
      Array.from({ length: count }, () => {
        const child = fork(script, [folder, String(CONCURRENT), String(SECONDS)], {
          stdio: ["ignore", "ignore", "inherit", "ipc"],
        });
        return new Promise<number>((resolve, reject) => {
          child.once("message", (rate) => resolve(Number(rate)));
          child.once("exit", (code) =>
            code === 0 ? undefined : reject(new Error(`bench process ended with ${code}`)),
          );
        });
      }),
    );
    return rates.reduce((sum, rate) => sum + rate, 0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the machine gives at most: nothing governed can be faster than these. */
function floors(): Figure[] {
  const folder = mkdtempSync(join(tmpdir(), "witnessops-floor-"));
  try {
    const file = openSync(join(folder, "append"), "w");
    const page = Buffer.alloc(4096, 1);
    const appends = rate(() => {
      writeSync(file, page);
      fsyncSync(file);
    });
    closeSync(file);
    const db = new DatabaseSync(join(folder, "floor.sqlite"));
    db.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (bytes BLOB)");
    const insert = db.prepare("INSERT INTO t VALUES (?)");
    const commits = rate(() => insert.run(page));
    db.close();
    const { privateKey } = generateKeyPairSync("ed25519");
    const message = Buffer.alloc(3000, 1);
    const signs = rate(() => sign(null, message, privateKey));
    return [
      { name: "floor: synced appends of 4 KiB", value: appends, unit: "/s" },
      { name: "floor: SQLite commits, WAL, synced", value: commits, unit: "/s" },
      { name: "floor: Ed25519 signs of 3 KB", value: signs, unit: "/s" },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function cedarDecisions(): Promise<number> {
  const decider = await openPolicies(defaultPolicies());
  let n = 0;
  const request = (): PolicyRequest => ({
    principal: { id: `otto-${n++}`, attributes: { kind: "human", roles: ["operator"] } },
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
  });
  return rate(() => decider.decide(request()));
}

function rate(once: () => void): number {
  const end = performance.now() + 1000;
  const began = performance.now();
  let count = 0;
  while (performance.now() < end) {
    once();
    count += 1;
  }
  return (count / (performance.now() - began)) * 1000;
}
