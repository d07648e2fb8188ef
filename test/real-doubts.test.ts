// Honest runs through every corner of the state machine: whatever the governed path records there, the verifier finds
// nothing against it.
import { describe, expect, it } from "vitest";
import type { AdapterOutcome } from "../src/adapter/adapter.ts";
import type { Contract } from "../src/contract/contract.ts";
import { implicitRunbook } from "../src/contract/implicit-runbook.ts";
import { digestOfJson } from "../src/format/digest.ts";
import { advance } from "../src/run/advance.ts";
import { cancelRun } from "../src/run/cancel-run.ts";
import type { Lane } from "../src/run/lane.ts";
import { recordApproval } from "../src/run/record-approval.ts";
import { recordEngagementStatus } from "../src/run/record-governance.ts";
import { startRun } from "../src/run/start-run.ts";
import { viewRun } from "../src/run/view-run.ts";
import { stepOf } from "./fixtures/check-bundle.ts";
import { exampleContract, exampleRunbook, noopAdapter } from "./fixtures/contracts.ts";
import { signApproval, type TestLane } from "./fixtures/lane.ts";
import { busy, fine, judge, open, resolve, scripted, start, VALID, verdict } from "./fixtures/real-run.ts";

const uses = "example.noop@1.0.0";
const host = { host: "inputs.host" };
const hung = () => new Promise<AdapterOutcome>(() => undefined);
const silent: AdapterOutcome = {
  ok: false,
  fault: { code: "ECONNRESET", phase: "response", message: "gone" },
};
const unsafe = exampleContract({ effect: "write" }, { adapter: "scripted", idempotency: "unsafe" });

async function valid(test: TestLane, run: string, lane?: Lane) {
  const report = await judge(test, [run], lane);
  expect(verdict(report)).toEqual(VALID);
  return report;
}

/** A process dispatched and died; another one takes the run up. */
async function crashed(contract: Contract, runbook = exampleRunbook(), after = scripted(fine)) {
  const before = scripted(hung);
  const test = await open([contract], [before]);
  const run = await start(test, runbook);
  // The lane may be closed under it, as when a process dies.
  advance(test.lane, run).catch(() => undefined);
  await expect.poll(() => before.calls).toBe(1);
  await test.lane.store.releaseLease(test.lane.owner, { pid: process.pid, token: test.lane.owner });
  return { test, run, lane: { ...(await test.again()), adapters: [after] } as Lane };
}

describe("doubt", () => {
  it("of an unsafe call that nobody answered, found not to have happened and repeated", async () => {
    const test = await open([unsafe], [scripted(silent, fine)]);
    const run = await start(test);
    await advance(test.lane, run);
    expect(stepOf(await valid(test, run), "step-1")).toMatchObject({ outcome: "in-doubt" });
    await resolve(test, run, test.lane, "retry");
    await advance(test.lane, run);
    const step = stepOf(await valid(test, run), "step-1");
    expect(step).toMatchObject({ outcome: "executed", proofClass: "operational-input" });
    expect(step?.reasons).toEqual(["an earlier attempt is in doubt"]);
  });

  it("of an unsafe call, found not to have happened, then denied or cancelled", async () => {
    const denied = await open([unsafe], [scripted(silent)]);
    const run = await start(denied);
    await advance(denied.lane, run);
    await resolve(denied, run, denied.lane, "retry");
    await recordEngagementStatus(denied.lane, "olga", "acme", "halted", "stop");
    await advance(denied.lane, run);
    expect(stepOf(await valid(denied, run), "step-1")).toMatchObject({ outcome: "denied" });

    const cancelled = await open([unsafe], [scripted(silent)]);
    const other = await start(cancelled);
    await advance(cancelled.lane, other);
    await cancelRun(cancelled.lane, other);
    await valid(cancelled, other);
    await resolve(cancelled, other, cancelled.lane, "retry");
    await advance(cancelled.lane, other);
    expect((await valid(cancelled, other)).runs[0]?.outcome).toBe("cancelled");
  });

  it("of calls that could go again, but may not", async () => {
    for (const idempotency of ["safe", "idempotent"] as const) {
      const effect = idempotency === "safe" ? "read" : "write";
      const made = exampleContract({ effect }, { adapter: "scripted", idempotency, timeout: "1d" });
      const { test, run, lane } = await crashed(made);
      await recordEngagementStatus(lane, "olga", "acme", "halted", "stop");
      await advance(lane, run);
      expect(stepOf(await valid(test, run, lane), "step-1")).toMatchObject({ outcome: "in-doubt" });
      await resolve(test, run, lane, "failed");
      await advance(lane, run);
      expect(stepOf(await valid(test, run, lane), "step-1")).toMatchObject({ outcome: "failed" });
    }
  });

  it("while other steps move on, which it does not read", async () => {
    const steps = [
      { id: "step-1", uses, with: host, needs: [] },
      { id: "step-2", uses, with: host, needs: [] },
      { id: "step-3", uses, with: host, needs: ["step-2"], when: "steps['step-2'].outcome == 'executed'" },
    ];
    const test = await open([unsafe], [scripted(silent, fine)]);
    const run = await start(test, exampleRunbook({ steps }));
    await advance(test.lane, run);
    await valid(test, run);
    await resolve(test, run, test.lane, "executed");
    await advance(test.lane, run);
    expect((await valid(test, run)).runs[0]?.outcome).toBe("completed");
  });
});

describe("failed attempts", () => {
  it("stay failed when the gates stop the next one", async () => {
    const halting = async (): Promise<AdapterOutcome> => {
      await recordEngagementStatus(test.lane, "olga", "acme", "halted", "stop");
      return busy;
    };
    const retry = { attempts: 3, backoff: "none" as const, on: ["BUSY"] };
    const test = await open([exampleContract({}, { adapter: "scripted", retry })], [scripted(halting, fine)]);
    const run = await start(test);
    await advance(test.lane, run);
    expect(stepOf(await valid(test, run), "step-1")).toMatchObject({ outcome: "failed", errorClass: "BUSY" });
  });

  it("of a held step wait until somebody lets it go", async () => {
    const contract = exampleContract({ failure: { onFailure: "hold" } }, { adapter: "scripted" });
    const test = await open([contract], [scripted(busy, fine)]);
    const run = await start(test, exampleRunbook({}, 2));
    await advance(test.lane, run);
    expect((await valid(test, run)).partial).toBe(true);
    await resolve(test, run, test.lane, "continue");
    await advance(test.lane, run);
    expect((await valid(test, run)).runs[0]?.outcome).toBe("completed");
  });
});

describe("steps that are never expanded", () => {
  const each = { id: "each", uses, with: { host: "each" } };
  it.each([
    ["skipped", { ...each, when: "inputs.host == 'x'", forEach: { in: "[inputs.host]", max: 3 } }],
    ["denied", { ...each, forEach: { in: "[inputs.host, inputs.host]", max: 1 } }],
    ["denied", { ...each, when: "inputs.host > 3", forEach: { in: "[inputs.host]", max: 1 } }],
    ["skipped", { ...each, needs: ["first"], forEach: { in: "[inputs.host]", max: 1 } }],
  ])("are %s", async (outcome, step) => {
    const adapter = scripted("needs" in step ? busy : fine);
    const contract = exampleContract({ failure: { onFailure: "continue" } }, { adapter: "scripted" });
    const test = await open([contract], [adapter]);
    const run = await start(test, exampleRunbook({ steps: [{ id: "first", uses, with: host }, step] }));
    await advance(test.lane, run);
    expect(stepOf(await valid(test, run), "each")).toMatchObject({ outcome });
  });

  it("are cancelled when an earlier one stops the run", async () => {
    const test = await open([exampleContract({}, { adapter: "scripted" })], [scripted(busy)]);
    const steps = [
      { id: "first", uses, with: host },
      { ...each, forEach: { in: "[inputs.host]", max: 1 } },
    ];
    const run = await start(test, exampleRunbook({ steps }));
    await advance(test.lane, run);
    expect(stepOf(await valid(test, run), "each")).toMatchObject({ outcome: "cancelled" });
  });
});

describe("approved calls", () => {
  it("of a forEach, approved one after the other", async () => {
    const authority = { roles: ["operator" as const], approval: "designated" as const };
    const contract = exampleContract({ effect: "intrusive", authority });
    const test = await open([contract]);
    const list = "['a.example.test', 'b.example.test', 'c.example.test']";
    const steps = [{ id: "each", uses, with: { host: "each" }, forEach: { in: list, max: 5 } }];
    const scope = { include: ["host:*.example.test"] };
    const run = await start(test, exampleRunbook({ steps, scope }));
    await advance(test.lane, run);
    for (;;) {
      const actionDigest = viewRun(test.lane, run).steps.find(({ waitingFor }) => waitingFor)?.waitingFor
        ?.actionDigest;
      if (actionDigest === undefined) break;
      const signed = await signApproval(test.people.approver, { principal: "anna", actionDigest });
      await recordApproval(test.lane, run, signed);
      await advance(test.lane, run);
      await valid(test, run);
    }
    expect((await valid(test, run)).runs[0]?.outcome).toBe("completed");
  });
});

describe("runbooks", () => {
  it("of one implicit step follow from their contract", async () => {
    const test = await open([exampleContract()]);
    const contract = exampleContract();
    const runbook = implicitRunbook(contract, ["host"], "olga", "internal", "say hello");
    const inputs = { host: "www.example.test" };
    const started = await startRun(test.lane, { runbook, engagement: "acme", inputs, requester: "otto" });
    if (!started.started) throw new Error(started.problems.join("; "));
    await advance(test.lane, started.run);
    const report = await valid(test, started.run);
    expect(report.hostAsserted.join("\n")).toContain('{"host":"www.example.test"}');
    expect(stepOf(report, "call")).toMatchObject({ proofClass: "strong-proof" });
  });

  it("of drafts in a lab are operational input", async () => {
    const lab = {
      approver: "anna",
      reason: "to try it",
      boundary: "the lab",
      stopCondition: "one call",
      dataHandling: "none",
    };
    const test = await open([], [noopAdapter], { environment: "lab", lab } as never);
    const contract = exampleContract();
    const runbook = implicitRunbook(contract, ["host"], "olga", "internal", "say hello");
    const drafts = new Map([[uses, { contract, digest: digestOfJson(contract) }]]);
    const inputs = { host: "www.example.test" };
    const request = { runbook, engagement: "acme", inputs, requester: "otto", drafts };
    const started = await startRun(test.lane, request);
    if (!started.started) throw new Error(started.problems.join("; "));
    await advance(test.lane, started.run);
    const step = stepOf(await valid(test, started.run), "call");
    expect(step).toMatchObject({ proofClass: "operational-input" });
  });

  it("authorized anew between two runs leave both of them valid", async () => {
    const test = await open([exampleContract()]);
    const first = await start(test);
    await advance(test.lane, first);
    const second = await start(test, exampleRunbook({ id: "other" }));
    await advance(test.lane, second);
    expect(verdict(await judge(test, [first, second]))).toEqual(VALID);
  });
});
