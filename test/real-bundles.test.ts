// Runs that went another way than straight, exported and verified: whatever the governed path records, the verifier
// must be able to decide again.
import { describe, expect, it } from "vitest";
import type { Adapter, AdapterOutcome } from "../src/adapter/adapter.ts";
import type { Contract } from "../src/contract/contract.ts";
import { advance } from "../src/run/advance.ts";
import { cancelRun } from "../src/run/cancel-run.ts";
import { importArtifact } from "../src/run/import-artifact.ts";
import { recordApproval } from "../src/run/record-approval.ts";
import { recordEngagementStatus, recordPrincipalDisabled } from "../src/run/record-governance.ts";
import { viewRun } from "../src/run/view-run.ts";
import { layerOf, stepOf } from "./fixtures/check-bundle.ts";
import { exampleContract, exampleRunbook, noopAdapter } from "./fixtures/contracts.ts";
import { signApproval } from "./fixtures/lane.ts";
import { busy, fine, judge, open, resolve, scripted, start, VALID, verdict } from "./fixtures/real-run.ts";

describe("retries", () => {
  it("verify attempt by attempt", async () => {
    const contract = exampleContract(
      {},
      { adapter: "scripted", retry: { attempts: 3, backoff: "none", on: ["BUSY"] } },
    );
    const test = await open([contract], [scripted(busy, busy, fine)]);
    const run = await start(test);
    await advance(test.lane, run);
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(stepOf(report, "step-1")).toMatchObject({ outcome: "executed", proofClass: "strong-proof" });
  });
});

describe("failures", () => {
  it("that stop the run leave the rest cancelled", async () => {
    const contract = exampleContract({}, { adapter: "scripted" });
    const test = await open([contract], [scripted(busy)]);
    const run = await start(test, exampleRunbook({}, 3));
    await advance(test.lane, run);
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(report.steps.map(({ outcome }) => outcome)).toEqual(["failed", "cancelled", "cancelled"]);
    expect(report.runs[0]?.outcome).toBe("stopped");
  });

  it("of the output contract and of undeclared kinds", async () => {
    const answers: [AdapterOutcome, string][] = [
      [{ ok: true, result: { said: 7 } }, "OUTPUT_CONTRACT_VIOLATION"],
      [{ ok: false, fault: { code: "ODD", phase: "response", message: "odd" } }, "UNDECLARED_ERROR"],
      [{ ok: false, fault: { code: "ECONNREFUSED", phase: "connect", message: "no" } }, "UNAVAILABLE"],
    ];
    for (const [answer, errorClass] of answers) {
      const test = await open([exampleContract({}, { adapter: "scripted" })], [scripted(answer)]);
      const run = await start(test);
      await advance(test.lane, run);
      const report = await judge(test, [run]);
      expect(verdict(report)).toEqual(VALID);
      expect(stepOf(report, "step-1")).toMatchObject({ outcome: "failed", errorClass });
    }
  });

  it("for want of a required artifact, and by the deadline", async () => {
    const silent: Adapter = { ...noopAdapter, run: async () => fine };
    const slow: Adapter = { ...noopAdapter, run: () => new Promise(() => undefined) };
    for (const [adapter, errorClass] of [
      [silent, "EVIDENCE_INCOMPLETE"],
      [slow, "TIMEOUT"],
    ] as const) {
      const test = await open([exampleContract({}, { timeout: "50ms" })], [adapter]);
      const run = await start(test);
      await advance(test.lane, run);
      const report = await judge(test, [run]);
      expect(verdict(report)).toEqual(VALID);
      expect(stepOf(report, "step-1")).toMatchObject({ outcome: "failed", errorClass });
    }
  });
});

describe("approvals", () => {
  const guarded = exampleContract({
    effect: "intrusive",
    authority: { roles: ["operator"], approval: "designated" },
  });

  async function paused(runbook = exampleRunbook()) {
    const test = await open([guarded]);
    const run = await start(test, runbook);
    await advance(test.lane, run);
    const actionDigest = viewRun(test.lane, run).steps[0]?.waitingFor?.actionDigest ?? "";
    const sign = (decision: "approve" | "reject") =>
      signApproval(test.people.approver, { principal: "anna", actionDigest, decision, reason: "because" });
    return { test, run, sign };
  }

  it("that reject end as denied", async () => {
    const { test, run, sign } = await paused();
    await recordApproval(test.lane, run, await sign("reject"));
    await advance(test.lane, run);
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(report.denied).toMatchObject([{ gate: "approval", reason: "approval-rejected" }]);
  });

  it("by who was disabled meanwhile leave it waiting", async () => {
    const { test, run, sign } = await paused();
    await recordApproval(test.lane, run, await sign("approve"));
    await recordPrincipalDisabled(test.lane, "olga", "anna");
    await advance(test.lane, run);
    const report = await judge(test, [run]);
    expect([...verdict(report), report.partial]).toEqual([...VALID, true]);
  });

  it("do not outlive a halted engagement", async () => {
    const { test, run, sign } = await paused();
    await recordApproval(test.lane, run, await sign("approve"));
    await recordEngagementStatus(test.lane, "olga", "acme", "halted", "stop");
    await advance(test.lane, run);
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(report.denied).toMatchObject([{ gate: "environment" }]);
  });

  it("of a run that is cancelled while it waits", async () => {
    const { test, run } = await paused(exampleRunbook({}, 2));
    await cancelRun(test.lane, run);
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(report.runs[0]?.outcome).toBe("cancelled");
  });
});

describe("doubt", () => {
  /** A process dispatched and died: its lease is gone, its attempt has no end. */
  async function crashed(idempotency: Contract["execution"]["idempotency"]) {
    const hung = scripted(() => new Promise<AdapterOutcome>(() => undefined));
    const effect = idempotency === "safe" ? "read" : "write";
    const contract = exampleContract({ effect }, { adapter: "scripted", idempotency, timeout: "1d" });
    const test = await open([contract], [hung]);
    const run = await start(test);
    // The lane may be closed under it, as when a process dies.
    advance(test.lane, run).catch(() => undefined);
    await expect.poll(() => hung.calls).toBe(1);
    await test.lane.store.releaseLease(test.lane.owner, { pid: process.pid, token: test.lane.owner });
    const lane = { ...(await test.again()), adapters: [scripted(fine)] };
    await advance(lane, run);
    return { test, run, lane };
  }

  it.each(["safe", "idempotent"] as const)(
    "of a %s call ends as strong proof of the attempt that ended",
    async (kind) => {
      const { test, run, lane } = await crashed(kind);
      const report = await judge(test, [run], lane);
      expect(verdict(report)).toEqual(VALID);
      expect(stepOf(report, "step-1")).toMatchObject({ outcome: "executed", proofClass: "strong-proof" });
    },
  );

  it("of an unsafe call is not settled by somebody whom the reviewer does not list", async () => {
    const { test, run, lane } = await crashed("unsafe");
    await resolve(test, run, lane, "executed");
    await advance(lane, run);
    const others = { ...test.trust, principals: test.trust.principals.filter(({ id }) => id !== "anna") };
    expect((await judge({ ...test, trust: others }, [run], lane)).verdict).toBe("indeterminate");
  });

  it("of an unsafe call is shown, and what a person finds is operational input", async () => {
    const { test, run, lane } = await crashed("unsafe");
    const open = await judge(test, [run], lane);
    expect([...verdict(open), open.partial]).toEqual([...VALID, true]);
    expect(open.doubt).toHaveLength(1);
    expect(stepOf(open, "step-1")).toMatchObject({ outcome: "in-doubt", proofClass: "operational-input" });
    await resolve(test, run, lane, "executed");
    await advance(lane, run);
    const report = await judge(test, [run], lane);
    expect(verdict(report)).toEqual(VALID);
    expect(stepOf(report, "step-1")).toMatchObject({
      outcome: "executed",
      proofClass: "operational-input",
      missing: expect.arrayContaining(["invocation-outcome", "artifact-integrity"]),
    });
  });
});

describe("several runs", () => {
  it("stand in one bundle, and a run that is not claimed stands as receipts only", async () => {
    const test = await open([exampleContract()]);
    const runs = [await start(test), await start(test), await start(test)];
    for (const run of runs) await advance(test.lane, run);
    const all = await judge(test, runs);
    expect([...verdict(all), all.runs.length]).toEqual([...VALID, 3]);
    const two = await judge(test, runs.slice(0, 2));
    expect([...verdict(two), two.runs.length]).toEqual([...VALID, 2]);
    expect(layerOf(two, "continuity")?.internal).toBe("ok");
  });
});

describe("evidence from outside", () => {
  it("is bound to the run and is no step", async () => {
    const contract = exampleContract({
      effect: "intrusive",
      authority: { roles: ["operator"], approval: "designated" },
    });
    const test = await open([contract]);
    const run = await start(test);
    await advance(test.lane, run);
    await importArtifact(test.lane, run, {
      name: "mail",
      mediaType: "message/rfc822",
      sensitivity: "internal",
      source: "handed over",
      principal: "otto",
      bytes: (async function* () {
        yield new TextEncoder().encode("From: a@example.test\r\n\r\nhello");
      })(),
    });
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
  });
});
