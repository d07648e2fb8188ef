// The report of an engagement is the fold of its receipts; nothing that a run or a person says moves a terminal or runs
// in a page.
import { describe, expect, it } from "vitest";
import type { AdapterOutcome } from "../src/adapter/adapter.ts";
import { reportPage } from "../src/cli/report-page.ts";
import { canonicalBytes } from "../src/format/canonical-json.ts";
import { digestOf } from "../src/format/digest.ts";
import { signEnvelope } from "../src/format/signer.ts";
import { LIFECYCLE_PAYLOAD_TYPE } from "../src/format/statement.ts";
import { advance } from "../src/run/advance.ts";
import { reportEngagement } from "../src/run/engagement-report.ts";
import { recordApproval } from "../src/run/record-approval.ts";
import {
  recordClassification,
  recordHold,
  recordLifecycle,
  recordRelease,
} from "../src/run/record-evidence.ts";
import { recordEngagementStatus } from "../src/run/record-governance.ts";
import { startRun } from "../src/run/start-run.ts";
import { viewRun } from "../src/run/view-run.ts";
import { RECIPIENT } from "./fixtures/age-keys.ts";
import { exampleContract, exampleRunbook, noopAdapter } from "./fixtures/contracts.ts";
import { signApproval, type TestLane } from "./fixtures/lane.ts";
import { fine, judge, open, resolve, scripted, start, VALID, verdict } from "./fixtures/real-run.ts";

const authority = { roles: ["operator" as const], approval: "designated" as const };
const silent: AdapterOutcome = {
  ok: false,
  fault: { code: "ECONNRESET", phase: "response", message: "gone" },
};

const sealing = exampleContract({
  id: "example.sealing",
  evidence: {
    artifacts: [{ name: "answer", mediaType: "text/plain", required: true, sensitivity: "secret" }],
    maxBytes: "1MB",
  },
});

async function approve(test: TestLane, run: string): Promise<void> {
  const actionDigest = viewRun(test.lane, run).steps[0]?.waitingFor?.actionDigest ?? "";
  await recordApproval(
    test.lane,
    run,
    await signApproval(test.people.approver, { principal: "anna", actionDigest }),
  );
  await advance(test.lane, run);
}

describe("the report of an engagement", () => {
  it("says what ran, what was denied and why, who approved, and what is in doubt", async () => {
    const unsafe = exampleContract(
      { effect: "write", authority },
      { adapter: "scripted", idempotency: "unsafe" },
    );
    const test = await open([unsafe], [scripted(fine, silent)]);
    const executed = await start(test);
    await advance(test.lane, executed);
    await approve(test, executed);
    const doubtful = await start(test);
    await advance(test.lane, doubtful);
    await approve(test, doubtful);
    expect(reportEngagement(test.lane.store, "acme", new Date().toISOString()).doubt).toEqual([
      { run: doubtful, step: "step-1", since: expect.any(String) },
    ]);
    await resolve(test, doubtful, test.lane, "executed");
    await advance(test.lane, doubtful);
    const waiting = await start(test);
    await advance(test.lane, waiting);
    await recordEngagementStatus(test.lane, "olga", "acme", "halted", "the customer called");
    await advance(test.lane, waiting);
    const inputs = { host: "www.example.test" };
    const request = { runbook: exampleRunbook(), engagement: "acme", inputs, requester: "otto" };
    expect((await startRun(test.lane, request)).started).toBe(false);

    const report = reportEngagement(test.lane.store, "acme", new Date().toISOString());
    expect(report.runs.map(({ run, outcome }) => [run, outcome])).toEqual([
      [executed, "completed"],
      [doubtful, "completed"],
      [waiting, "stopped"],
    ]);
    expect(report.ran.map(({ run, outcome, evidence }) => [run, outcome, evidence])).toEqual([
      [executed, "executed", "eligible for strong proof"],
      [doubtful, "executed", "operational input: settled by a person, an attempt is in doubt"],
    ]);
    expect(report.denied.map(({ run, why }) => [run, why])).toEqual([
      [undefined, ["engagement `acme` is halted"]],
      [waiting, ["environment: engagement-halted"]],
    ]);
    expect(report.approvals.map(({ run, principal, decision }) => [run, principal, decision])).toEqual([
      [executed, "anna", "approve"],
      [doubtful, "anna", "approve"],
    ]);
    expect(report.doubt).toMatchObject([{ run: doubtful, finding: "executed", by: "anna" }]);
    expect(report.governance.at(-1)).toMatchObject({
      event: "engagement-halted",
      reason: "the customer called",
    });
    expect(verdict(await judge(test, [executed, doubtful, waiting]))).toEqual(VALID);
  });

  it("says what evidence is sealed, held, quarantined or gone, and what was done to it, when and by whom", async () => {
    const test = await open([sealing, exampleContract()], [noopAdapter], {
      evidence: { recipients: [RECIPIENT] },
    });
    const { lane } = test;
    const run = await start(test, exampleRunbook({}, 1, "example.sealing@1.0.0"));
    await advance(lane, run);
    const plain = await start(test, exampleRunbook({ id: "plain" }));
    await advance(lane, plain);
    const about = (artifact: string, principal = "olga") => ({ artifact, principal, reason: "the case" });
    const sealed = `${run}/step-1/1/answer`;
    const result = `${run}/step-1/1/result`;
    const kept = `${plain}/step-1/1/answer`;
    const released = { digest: digestOf("file"), recipient: RECIPIENT, commitment: digestOf("salt") };
    await recordRelease(lane, about(sealed), released);
    const hold = await recordHold(lane, about(sealed, "otto"));
    await recordClassification(lane, about(kept), "confidential");
    await expect(recordClassification(lane, about(kept), "public")).rejects.toThrow(/lowered/);
    const digest = lane.store.artifacts(run).find(({ artifact }) => artifact.id === result)?.artifact.digest;
    const statement = {
      purpose: "witnessops/lifecycle/v1",
      action: "retire",
      engagement: "acme",
      run,
      artifact: result,
      digest,
      principal: "olga",
      reason: "<b>the term is over</b>",
      signedAt: new Date().toISOString(),
      nonce: "0".repeat(32),
    };
    const envelope = await signEnvelope(test.people.owner, canonicalBytes(statement), LIFECYCLE_PAYLOAD_TYPE);
    const retired = await recordLifecycle(lane, envelope, { action: "retire", artifact: result });

    const report = reportEngagement(lane.store, "acme", new Date().toISOString());
    expect(report.evidence.filter(({ artifact }) => artifact.startsWith(run))).toMatchObject([
      { artifact: sealed, sensitivity: "secret", state: "on-hold", by: "otto", sealedTo: [RECIPIENT] },
      { artifact: result, sensitivity: "secret", state: "retired", sealedTo: [RECIPIENT] },
    ]);
    expect(report.evidence.find(({ artifact }) => artifact === kept)).toEqual({
      artifact: kept,
      size: 200,
      sensitivity: "confidential",
      state: "kept",
      capturedAt: expect.any(String),
      by: "otto",
    });
    expect(report.handled).toMatchObject([
      { artifact: sealed, what: "released", by: "olga", reason: "the case", to: RECIPIENT },
      { artifact: sealed, what: "held", by: "otto", reason: "the case", receipt: hold },
      { artifact: kept, what: "classified", by: "olga", to: "confidential" },
      { artifact: result, what: "retired", by: "olga", receipt: retired },
    ]);
    expect(report.denied).toMatchObject([
      { run: plain, what: `classify ${kept}`, why: ["lowered, asked by olga"] },
    ]);
    expect(report.governance.filter(({ event }) => event.startsWith("artifact-"))).toEqual([]);
    const page = reportPage(report, "2026-11-27T12:00:00Z");
    expect(page).toContain("<h3>evidence that is sealed, held, quarantined or gone</h3>");
    expect(page).toContain(`<td>released to ${RECIPIENT}</td><td>olga</td>`);
    expect(page).toContain("<td>&lt;b&gt;the term is over&lt;/b&gt;</td>");
    expect(page).not.toContain(`<td>${kept}</td><td>200</td>`);
  });

  it("escapes what hostile texts say", async () => {
    const test = await open([exampleContract()]);
    const runbook = exampleRunbook();
    await test.authorize(runbook);
    const objective = '<script>alert(1)</script> \u001b[2J \u202e & "quoted"';
    const inputs = { host: "www.example.test" };
    const started = await startRun(test.lane, {
      runbook,
      engagement: "acme",
      inputs,
      requester: "otto",
      objective,
    });
    if (!started.started) throw new Error(started.problems.join());
    const page = reportPage(
      reportEngagement(test.lane.store, "acme", new Date().toISOString()),
      "2026-11-26T12:00:00Z",
    );
    expect(page).toContain(
      "&lt;script&gt;alert(1)&lt;/script&gt; \\u{1b}[2J \\u{202e} &amp; &quot;quoted&quot;",
    );
    for (const raw of ["<script", "\u001b", "\u202e", "http:", "https:"]) expect(page).not.toContain(raw);
    expect(page.indexOf("<h2>Observed</h2>")).toBeLessThan(page.indexOf("<h2>Inferred</h2>"));
  });

  it("is refused for an engagement that the ledger does not know", async () => {
    const test = await open([exampleContract()]);
    expect(() => reportEngagement(test.lane.store, "nobody", "")).toThrow(
      /knows nothing of engagement `nobody`/,
    );
  });
});
