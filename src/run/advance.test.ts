import { randomBytes } from "node:crypto";
import Type from "typebox";
import { afterEach, describe, expect, it } from "vitest";
import { exampleContract, exampleRunbook, noopAdapter } from "../../test/fixtures/contracts.ts";
import { openTestLane, signApproval, type TestLane, type TestLaneOptions } from "../../test/fixtures/lane.ts";
import type { Adapter, AdapterOutcome } from "../adapter/adapter.ts";
import type { Contract } from "../contract/contract.ts";
import type { Runbook } from "../contract/runbook.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { signEnvelope } from "../format/signer.ts";
import { RESOLUTION_PAYLOAD_TYPE } from "../format/statement.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import { advance } from "./advance.ts";
import { cancelRun } from "./cancel-run.ts";
import { importArtifact } from "./import-artifact.ts";
import { planRun } from "./plan-run.ts";
import { recordApproval } from "./record-approval.ts";
import { recordEngagementStatus, recordPrincipalDisabled } from "./record-governance.ts";
import { resolveStep } from "./resolve-step.ts";
import { startRun } from "./start-run.ts";
import { type RunView, viewRun } from "./view-run.ts";

const INPUTS = { host: "www.example.test" };
const lanes: TestLane[] = [];

afterEach(() => {
  for (const lane of lanes.splice(0)) lane.close();
});

/** Answers in turn what it is told to, then always the last; counts its calls. */
function scripted(
  ...answers: (AdapterOutcome | (() => Promise<AdapterOutcome>))[]
): Adapter & { calls: string[] } {
  const calls: string[] = [];
  return {
    ...noopAdapter,
    id: "scripted",
    parameters: Type.Object({ host: Type.String() }),
    calls,
    async run(call) {
      calls.push(call.idempotencyKey);
      const answer = answers[Math.min(calls.length, answers.length) - 1];
      const outcome = typeof answer === "function" ? await answer() : answer;
      if (outcome === undefined) throw new TypeError("the script has no answer");
      const writer = call.capture.open("answer", { source: "script" });
      await writer.write(new TextEncoder().encode(`call ${calls.length}`));
      await writer.end();
      return outcome;
    },
  };
}

const fine: AdapterOutcome = { ok: true, result: { said: "hello" } };
const busy: AdapterOutcome = { ok: false, fault: { code: "BUSY", phase: "response", message: "busy" } };

async function open(
  options: Partial<TestLaneOptions> & { contracts: readonly Contract[] },
): Promise<TestLane> {
  const lane = await openTestLane({ adapters: [noopAdapter], ...options });
  lanes.push(lane);
  return lane;
}

async function start(test: TestLane, runbook: Runbook, inputs = INPUTS): Promise<string> {
  await test.authorize(runbook);
  const { lane } = test;
  const started = await startRun(lane, { runbook, engagement: "acme", inputs, requester: "otto" });
  if (!started.started) throw new Error(started.problems.join("; "));
  return started.run;
}

async function drive(test: TestLane, runbook: Runbook): Promise<RunView> {
  const run = await start(test, runbook);
  await advance(test.lane, run);
  return viewRun(test.lane, run);
}

function events({ lane }: TestLane, run: string): string[] {
  return lane.store.receipts(`run:${run}`).map(({ event }) => event);
}

const outcomes = (view: RunView): string[] =>
  view.steps.map((step) => `${step.key ?? step.id} ${step.outcome}`);

describe("a run", () => {
  it("goes through its steps in order and ends", async () => {
    const test = await open({ contracts: [exampleContract()] });
    const view = await drive(test, exampleRunbook({}, 3));
    expect([view.state, view.outcome]).toEqual(["closed", "completed"]);
    expect(outcomes(view)).toEqual(["step-1 executed", "step-2 executed", "step-3 executed"]);
    expect(view.steps[0]?.outputs).toEqual({ said: "hello www.example.test" });
    expect(events(test, view.run)).toEqual(["step-executed", "step-executed", "step-executed"]);
    expect(test.lane.store.checkIntegrity()).toEqual([]);
  });

  it("chains its first receipt to `run-opened` and is bound by `run-closed`", async () => {
    const test = await open({ contracts: [exampleContract()] });
    const { run } = await drive(test, exampleRunbook());
    const row = test.lane.store.run(run);
    const [first] = test.lane.store.receipts(`run:${run}`);
    if (first === undefined || row?.closed === undefined) throw new Error("the run left no receipts");
    expect(readReceipt(first.payload).predicate.ledger.prevHash).toBe(row.opened);
    const closing = test.lane.store.receipt(row.closed);
    expect(closing && readReceipt(closing.payload).predicate.detail).toMatchObject({
      head: { seq: 0, digest: first.digest },
      count: 1,
      outcome: "completed",
    });
  });

  it("stops at a failure and receipts the rest as cancelled", async () => {
    const adapter = scripted(busy);
    const contract = exampleContract({}, { adapter: "scripted" });
    const view = await drive(
      await open({ adapters: [adapter], contracts: [contract] }),
      exampleRunbook({}, 3),
    );
    expect(view.outcome).toBe("stopped");
    expect(outcomes(view)).toEqual(["step-1 failed", "step-2 cancelled", "step-3 cancelled"]);
    expect(view.steps[0]?.errorClass).toBe("BUSY");
  });

  it("goes on after a failure when the step says so, and skips what needed it", async () => {
    const adapter = scripted(busy, fine);
    const contract = exampleContract({}, { adapter: "scripted" });
    const [first, second, third] = exampleRunbook({}, 3).steps as [
      Runbook["steps"][0],
      Runbook["steps"][0],
      Runbook["steps"][0],
    ];
    const steps = [{ ...first, onFailure: "continue" as const }, { ...second, needs: ["step-1"] }, third];
    const view = await drive(
      await open({ adapters: [adapter], contracts: [contract] }),
      exampleRunbook({ steps }),
    );
    expect(outcomes(view)).toEqual(["step-1 failed", "step-2 skipped", "step-3 executed"]);
  });

  it("tries again within the contract's bound, gates and dispatch before each attempt", async () => {
    const adapter = scripted(busy, fine);
    const retry = { attempts: 3, backoff: "none" as const, on: ["BUSY"] };
    const test = await open({
      adapters: [adapter],
      contracts: [exampleContract({}, { adapter: "scripted", retry })],
    });
    const view = await drive(test, exampleRunbook());
    expect(outcomes(view)).toEqual(["step-1 executed"]);
    expect(view.steps[0]?.attempts).toBe(2);
    expect(new Set(adapter.calls).size).toBe(1);
    expect(test.lane.store.dispatches(view.run).map(({ attempt, ended }) => [attempt, ended?.exit])).toEqual([
      [1, "failed"],
      [2, undefined],
    ]);
    expect(
      test.lane.store.artifacts(view.run).map(({ artifact }) => artifact.id.split("/").slice(2).join("/")),
    ).toEqual(["1/answer", "1/result", "2/answer", "2/result"]);
  });

  it("decides `when` and expands `forEach` within its bound", async () => {
    const test = await open({ contracts: [exampleContract()] });
    const list = { type: "array", items: { type: "string" } };
    const base = {
      inputs: { type: "object" as const, properties: { hosts: list } },
      scope: { include: ["host:*.example.test"] },
    };
    const uses = "example.noop@1.0.0";
    const steps = [
      { id: "never", uses, when: "size(inputs.hosts) > 9", with: { host: "inputs.hosts[0]" } },
      { id: "each", uses, forEach: { in: "inputs.hosts", max: 2 }, with: { host: "each" } },
      { id: "count", uses, when: "size(steps.each.results) == 2", with: { host: "inputs.hosts[0]" } },
    ];
    const inputs = { hosts: ["a.example.test", "b.example.test"] } as unknown as typeof INPUTS;
    const run = await start(test, exampleRunbook({ ...base, steps }), inputs);
    await advance(test.lane, run);
    expect(outcomes(viewRun(test.lane, run))).toEqual([
      "never skipped",
      "a.example.test executed",
      "b.example.test executed",
      "count executed",
    ]);
    const many = {
      hosts: ["a.example.test", "b.example.test", "c.example.test"],
    } as unknown as typeof INPUTS;
    const over = await start(test, exampleRunbook({ ...base, steps }), many);
    await advance(test.lane, over);
    const view = viewRun(test.lane, over);
    expect(view.outcome).toBe("stopped");
    expect(view.steps.map((step) => [step.id, step.outcome, step.reason])).toContainEqual([
      "each",
      "denied",
      "for-each-refused",
    ]);
  });

  it("denies what is out of scope without calling anybody", async () => {
    const adapter = scripted(fine);
    const test = await open({
      adapters: [adapter],
      contracts: [exampleContract({}, { adapter: "scripted" })],
    });
    const run = await start(test, exampleRunbook(), { host: "www.example.com" });
    await advance(test.lane, run);
    const [step] = viewRun(test.lane, run).steps;
    expect([step?.outcome, step?.gate]).toEqual(["denied", "scope"]);
    expect(adapter.calls).toEqual([]);
    expect(test.lane.store.dispatches(run)).toEqual([]);
  });

  it("plans without recording or calling", async () => {
    const adapter = scripted(fine);
    const test = await open({
      adapters: [adapter],
      contracts: [exampleContract({}, { adapter: "scripted" })],
    });
    await test.authorize(exampleRunbook());
    const before = test.lane.store.head("engagement:acme");
    const request = { runbook: exampleRunbook(), engagement: "acme", inputs: INPUTS, requester: "otto" };
    const plan = await planRun(test.lane, request);
    expect(plan.problems).toEqual([]);
    expect(plan.steps.map((step) => step.decision)).toEqual(["allow"]);
    expect(adapter.calls).toEqual([]);
    expect(test.lane.store.head("engagement:acme")).toEqual(before);
  });

  it("is not admitted when the owner authorized something else, and says so in a receipt", async () => {
    const test = await open({ contracts: [exampleContract()] });
    await test.authorize(exampleRunbook());
    const changed = { ...test.engagement, title: "Acme, changed after the owner signed" };
    const lane = { ...test.lane, definitions: { ...test.lane.definitions, engagement: () => changed } };
    const started = await startRun(lane, {
      runbook: exampleRunbook(),
      engagement: "acme",
      inputs: INPUTS,
      requester: "otto",
    });
    expect(started).toMatchObject({
      started: false,
      problems: [expect.stringContaining("another version of `engagement`")],
    });
    expect(test.lane.store.receipts("engagement:acme").at(-1)?.event).toBe("admission-denied");
  });

  it("is not admitted under an authorization record that the ledger does not have", async () => {
    const test = await open({ contracts: [exampleContract()] });
    await test.authorize(exampleRunbook());
    await test.lane.store.commit({ status: [{ subject: "authorization:acme", status: "another" }] });
    const request = { runbook: exampleRunbook(), engagement: "acme", inputs: INPUTS, requester: "otto" };
    expect(await startRun(test.lane, request)).toMatchObject({
      started: false,
      problems: [expect.stringContaining("is not the newest in the ledger")],
    });
  });

  it("is not admitted with a runbook that no owner authorized", async () => {
    const test = await open({ contracts: [exampleContract()] });
    await test.authorize(exampleRunbook());
    const request = { engagement: "acme", inputs: INPUTS, requester: "otto" };
    const other = exampleRunbook({ id: "other" });
    expect(await startRun(test.lane, { ...request, runbook: other })).toMatchObject({
      problems: [expect.stringContaining("`other@1.0.0` is not in the catalog lock")],
    });
    const changed = exampleRunbook({ objective: "something else" });
    expect(await startRun(test.lane, { ...request, runbook: changed })).toMatchObject({
      problems: [expect.stringContaining("`example@1.0.0` differs from the catalog lock")],
    });
  });

  it("waits for a clock that was set back a little, and stops for one that was set back far", async () => {
    let shift = 0;
    const test = await open({ contracts: [exampleContract()], clock: () => Date.now() + shift });
    const run = await start(test, exampleRunbook({}, 2));
    shift = -60_000;
    await expect(advance(test.lane, run)).rejects.toMatchObject({ code: "CLOCK_BACKWARDS" });
    expect(events(test, run)).toEqual([]);
    shift = -100;
    await advance(test.lane, run);
    expect(viewRun(test.lane, run).outcome).toBe("completed");
  });

  it("records nothing and calls nobody when the ledger cannot be written", async () => {
    const adapter = scripted(fine);
    const test = await open({
      adapters: [adapter],
      contracts: [exampleContract({}, { adapter: "scripted" })],
    });
    const run = await start(test, exampleRunbook());
    const broken = new Error("disk full");
    const store = { ...test.lane.store, commit: () => Promise.reject(broken) };
    await expect(advance({ ...test.lane, store, driving: new Map() }, run)).rejects.toBe(broken);
    expect(adapter.calls).toEqual([]);
  });
});

describe("an approval", () => {
  const guarded = exampleContract({
    effect: "intrusive",
    authority: { roles: ["operator"], approval: "designated" },
  });

  async function paused(): Promise<{ test: TestLane; run: string; actionDigest: string }> {
    const test = await open({ contracts: [guarded] });
    const run = await start(test, exampleRunbook());
    await advance(test.lane, run);
    const actionDigest = viewRun(test.lane, run).steps[0]?.waitingFor?.actionDigest;
    if (actionDigest === undefined) throw new Error("the run does not wait");
    return { test, run, actionDigest };
  }

  it("lets exactly the approved action run, once", async () => {
    const { test, run, actionDigest } = await paused();
    const approval = await signApproval(test.people.approver, { principal: "anna", actionDigest });
    const recorded = await recordApproval(test.lane, run, approval);
    await advance(test.lane, run);
    expect(outcomes(viewRun(test.lane, run))).toEqual(["step-1 executed"]);
    expect(events(test, run)).toEqual([
      "step-paused",
      "approval-recorded",
      "step-dispatched",
      "step-executed",
    ]);
    expect(test.lane.store.consumed(recorded.approval.digest as `sha256:${string}`)).toBe(`${run}/step-1`);
    const other = await start(test, exampleRunbook());
    await advance(test.lane, other);
    await expect(recordApproval(test.lane, other, approval)).rejects.toMatchObject({
      code: "STEP_NOT_WAITING",
    });
  });

  it("by the requester does not count", async () => {
    const { test, run, actionDigest } = await paused();
    const own = await signApproval(test.people.operator, { principal: "otto", actionDigest });
    await recordApproval(test.lane, run, own).catch(() => undefined);
    await advance(test.lane, run);
    expect(outcomes(viewRun(test.lane, run))).toEqual(["step-1 paused"]);
  });

  it("signed by another key than its principal's is refused", async () => {
    const { test, run, actionDigest } = await paused();
    const forged = await signApproval(test.people.operator, { principal: "anna", actionDigest });
    await expect(recordApproval(test.lane, run, forged)).rejects.toMatchObject({ code: "STATEMENT_REFUSED" });
  });

  it("given for other inputs does not carry over when they change", async () => {
    const uses = "example.noop@1.0.0";
    const host = "steps.first.outcome == 'executed' ? 'b.example.test' : 'a.example.test'";
    const test = await open({ contracts: [guarded] });
    // A parser refuses such a runbook; the gate must hold by itself.
    const steps = [
      { id: "first", uses, with: { host: "inputs.host" } },
      { id: "second", uses, needs: [], with: { host } },
    ];
    const scope = { include: ["host:*.example.test"] };
    const run = await start(test, exampleRunbook({ steps, scope }));
    await advance(test.lane, run);
    const waiting = viewRun(test.lane, run).steps.map((step) => step.waitingFor?.actionDigest ?? "");
    const approve = async (actionDigest = "") =>
      recordApproval(
        test.lane,
        run,
        await signApproval(test.people.approver, { principal: "anna", actionDigest }),
      );
    await approve(waiting[1]);
    await approve(waiting[0]);
    const lane = { ...test.lane, driving: new Map() };
    await advance(lane, run);
    const view = viewRun(test.lane, run);
    const called = test.lane.store
      .dispatches(run)
      .map(({ invocation, actionDigest }) => [invocation, actionDigest]);
    for (const [invocation, digest] of called) {
      expect(digest).toBe(waiting[view.steps.findIndex((step) => step.invocation === invocation)]);
    }
  });

  it("that rejects ends the step as denied, with its reason", async () => {
    const { test, run, actionDigest } = await paused();
    const args = { principal: "anna", actionDigest, decision: "reject" as const, reason: "not on a Friday" };
    await recordApproval(test.lane, run, await signApproval(test.people.approver, args));
    await advance(test.lane, run);
    const [step] = viewRun(test.lane, run).steps;
    expect([step?.outcome, step?.gate, step?.reason]).toEqual(["denied", "approval", "approval-rejected"]);
  });

  it("of a principal who was disabled meanwhile is void", async () => {
    const { test, run, actionDigest } = await paused();
    await recordApproval(
      test.lane,
      run,
      await signApproval(test.people.approver, { principal: "anna", actionDigest }),
    );
    await recordPrincipalDisabled(test.lane, "olga", "anna");
    await advance(test.lane, run);
    expect(viewRun(test.lane, run).steps[0]?.outcome).toBe("paused");
  });

  it("does not outlive the engagement: gates run again after the pause", async () => {
    const { test, run, actionDigest } = await paused();
    await recordApproval(
      test.lane,
      run,
      await signApproval(test.people.approver, { principal: "anna", actionDigest }),
    );
    await recordEngagementStatus(test.lane, "olga", "acme", "halted", "stop");
    await advance(test.lane, run);
    const [step] = viewRun(test.lane, run).steps;
    expect([step?.outcome, step?.gate]).toEqual(["denied", "environment"]);
  });
});

describe("doubt", () => {
  /** Dispatches on a lane whose process then dies: its lease is gone, its attempt has no end. */
  async function crashed(idempotency: "safe" | "idempotent" | "unsafe") {
    const hung = scripted(() => new Promise<AdapterOutcome>(() => undefined));
    const contract = exampleContract(
      { effect: idempotency === "safe" ? "read" : "write" },
      { adapter: "scripted", idempotency, timeout: "1d" },
    );
    const test = await open({ adapters: [hung], contracts: [contract] });
    const run = await start(test, exampleRunbook());
    // The lane may be closed under it, as when a process dies.
    advance(test.lane, run).catch(() => undefined);
    await expect.poll(() => hung.calls.length).toBe(1);
    const owner = { pid: process.pid, token: test.lane.owner };
    await test.lane.store.releaseLease(test.lane.owner, owner);
    const after = scripted(fine);
    const lane = { ...(await test.again()), adapters: [after] };
    return { test, run, hung, after, lane };
  }

  it("of a safe call is settled by calling again", async () => {
    const { run, lane, after } = await crashed("safe");
    await advance(lane, run);
    expect(outcomes(viewRun(lane, run))).toEqual(["step-1 executed"]);
    expect(after.calls).toHaveLength(1);
  });

  it("of an idempotent call is settled with the same key", async () => {
    const { run, lane, hung, after } = await crashed("idempotent");
    await advance(lane, run);
    expect(after.calls).toEqual(hung.calls);
    expect(viewRun(lane, run).steps[0]?.attempts).toBe(2);
  });

  it("of an unsafe call waits, blocks closing and cancelling, and ends as a person signed", async () => {
    const { test, run, lane, after } = await crashed("unsafe");
    await advance(lane, run);
    expect(viewRun(lane, run).steps[0]).toMatchObject({
      outcome: "in-doubt",
      waitingFor: { what: "resolution" },
    });
    await cancelRun(lane, run);
    expect(viewRun(lane, run).state).toBe("waiting");
    expect(after.calls).toEqual([]);
    const actionDigest = viewRun(lane, run).steps[0]?.waitingFor?.actionDigest;
    const statement = {
      purpose: "witnessops/resolution/v1",
      finding: "executed",
      invocation: `${run}/step-1`,
      attempt: 1,
      actionDigest,
      principal: "anna",
      reason: "the ticket exists",
      signedAt: new Date().toISOString(),
      nonce: randomBytes(16).toString("hex"),
    };
    const signed = await signEnvelope(
      test.people.approver,
      canonicalBytes(statement),
      RESOLUTION_PAYLOAD_TYPE,
    );
    await resolveStep(lane, run, signed);
    await advance(lane, run);
    expect(outcomes(viewRun(lane, run))).toEqual(["step-1 executed"]);
    expect(after.calls).toEqual([]);
    expect(events(test, run)).toEqual(["step-dispatched", "step-in-doubt", "step-resolved", "step-executed"]);
  });

  it("of a call that may not go again waits for somebody instead of looking undone", async () => {
    const { test, run, lane, after } = await crashed("idempotent");
    await recordEngagementStatus(lane, "olga", "acme", "halted", "stop");
    await advance(lane, run);
    expect(viewRun(lane, run).steps[0]?.outcome).toBe("in-doubt");
    expect(after.calls).toEqual([]);
    expect(events(test, run)).toEqual(["step-dispatched", "step-in-doubt"]);
  });

  it("is settled only by a person of the engagement with a key that they hold", async () => {
    const { test, run, lane } = await crashed("unsafe");
    await advance(lane, run);
    const actionDigest = viewRun(lane, run).steps[0]?.waitingFor?.actionDigest;
    await recordPrincipalDisabled(lane, "olga", "anna");
    const statement = {
      purpose: "witnessops/resolution/v1",
      finding: "retry",
      invocation: `${run}/step-1`,
      attempt: 1,
      actionDigest,
      principal: "anna",
      reason: "it never arrived",
      signedAt: new Date().toISOString(),
      nonce: randomBytes(16).toString("hex"),
    };
    const signed = await signEnvelope(
      test.people.approver,
      canonicalBytes(statement),
      RESOLUTION_PAYLOAD_TYPE,
    );
    await expect(resolveStep(lane, run, signed)).rejects.toMatchObject({ code: "STATEMENT_REFUSED" });
  });

  it("is not assumed while the process that dispatched is alive", async () => {
    const hung = scripted(() => new Promise<AdapterOutcome>(() => undefined));
    const test = await open({
      adapters: [hung],
      contracts: [exampleContract({}, { adapter: "scripted", timeout: "1d" })],
    });
    const run = await start(test, exampleRunbook());
    // The lane may be closed under it, as when a process dies.
    advance(test.lane, run).catch(() => undefined);
    await expect.poll(() => hung.calls.length).toBe(1);
    const other = await test.again();
    await advance({ ...other, adapters: [scripted(fine)] }, run);
    expect(viewRun(other, run).steps[0]?.outcome).toBe("dispatched");
  });
});

describe("an attempt that was made", () => {
  const retry = { attempts: 3, backoff: "none" as const, on: ["BUSY"] };

  it("is kept as failed when the gates stop the next one", async () => {
    const halting = async (): Promise<AdapterOutcome> => {
      await recordEngagementStatus(test.lane, "olga", "acme", "halted", "stop");
      return busy;
    };
    const adapter = scripted(halting, fine);
    const contract = exampleContract({}, { adapter: "scripted", retry });
    const test = await open({ adapters: [adapter], contracts: [contract] });
    const view = await drive(test, exampleRunbook());
    expect(adapter.calls).toHaveLength(1);
    expect(view.steps[0]).toMatchObject({ outcome: "failed", errorClass: "BUSY" });
    const artifacts = test.lane.store.artifacts(view.run).map(({ artifact }) => artifact.name);
    expect(artifacts).toEqual(["answer", "result"]);
  });

  it("counts against the bound when another process moves the run meanwhile", async () => {
    const importing = async (): Promise<AdapterOutcome> => {
      const bytes = (async function* () {
        yield new TextEncoder().encode("a note");
      })();
      const evidence = {
        name: "note",
        mediaType: "text/plain",
        sensitivity: "internal" as const,
        source: "desk",
      };
      await importArtifact(other, run, { ...evidence, principal: "otto", bytes });
      return busy;
    };
    const adapter = scripted(importing);
    const contract = exampleContract({}, { adapter: "scripted", retry });
    const test = await open({ adapters: [adapter], contracts: [contract] });
    const other = await test.again();
    const run = await start(test, exampleRunbook());
    await advance(test.lane, run);
    expect(adapter.calls).toHaveLength(3);
    expect(viewRun(test.lane, run).steps[0]).toMatchObject({ outcome: "failed", attempts: 3 });
  });

  it("leaves an unsafe step in doubt when nobody answered, with what was captured", async () => {
    const silent = scripted({ ok: false, fault: { code: "ECONNRESET", phase: "response", message: "gone" } });
    const contract = exampleContract({ effect: "write" }, { adapter: "scripted", idempotency: "unsafe" });
    const test = await open({ adapters: [silent], contracts: [contract] });
    const view = await drive(test, exampleRunbook());
    expect(view).toMatchObject({ state: "waiting", steps: [{ outcome: "in-doubt" }] });
    expect(test.lane.store.artifacts(view.run).map(({ artifact }) => artifact.name)).toEqual([
      "answer",
      "result",
    ]);
  });
});

describe("what moves a run while it is under way", () => {
  it("an interrupt during the pause before a retry leaves the rest to whoever takes the run up", async () => {
    const retry = { attempts: 2, backoff: "fixed" as const, on: ["BUSY"] };
    const adapter = scripted(busy, fine);
    const contract = exampleContract({}, { adapter: "scripted", retry });
    const test = await open({ adapters: [adapter], contracts: [contract] });
    const run = await start(test, exampleRunbook());
    const ending = new AbortController();
    const sleep = async (millis: number): Promise<void> => {
      if (millis >= 250) ending.abort();
    };
    await advance({ ...test.lane, sleep, signal: ending.signal }, run);
    expect(adapter.calls).toHaveLength(1);
    await advance(await test.again(), run);
    expect(outcomes(viewRun(test.lane, run))).toEqual(["step-1 executed"]);
    expect(adapter.calls).toHaveLength(2);
  });

  it("a cancellation during the pause before a retry ends the step as the failure it was", async () => {
    const retry = { attempts: 3, backoff: "fixed" as const, on: ["BUSY"] };
    const adapter = scripted(busy);
    const contract = exampleContract(
      { effect: "write" },
      { adapter: "scripted", idempotency: "idempotent", retry },
    );
    const test = await open({ adapters: [adapter], contracts: [contract] });
    const run = await start(test, exampleRunbook({}, 2));
    const other = await test.again();
    let cancelled = false;
    // The pause is slept in slices, so that a halt ends it.
    const sleep = async (millis: number): Promise<void> => {
      if (millis < 250 || cancelled) return;
      cancelled = true;
      await cancelRun(other, run);
    };
    await advance({ ...test.lane, sleep }, run);
    const view = viewRun(other, run);
    expect(view.outcome).toBe("cancelled");
    expect(outcomes(view)).toEqual(["step-1 failed", "step-2 cancelled"]);
    expect(adapter.calls).toHaveLength(1);
  });

  it("a rejection that arrives while secrets are fetched is heard", async () => {
    const secrets = [
      { name: "token", ref: "env:TOKEN", into: { kind: "header" as const, name: "authorization" } },
    ];
    const adapter = scripted(fine);
    const contract = exampleContract(
      { effect: "intrusive", authority: { roles: ["operator"], approval: "designated" } },
      { adapter: "scripted", secrets },
    );
    const test = await open({ adapters: [adapter], contracts: [contract] });
    const run = await start(test, exampleRunbook());
    await advance(test.lane, run);
    const actionDigest = viewRun(test.lane, run).steps[0]?.waitingFor?.actionDigest ?? "";
    const sign = (decision: "approve" | "reject") =>
      signApproval(test.people.approver, { principal: "anna", actionDigest, decision });
    await recordApproval(test.lane, run, await sign("approve"));
    const resolveSecret = async () => {
      await recordApproval(test.lane, run, await sign("reject"));
      return { ok: true as const, value: "a-long-secret-value" };
    };
    await advance({ ...test.lane, resolveSecret }, run);
    expect(viewRun(test.lane, run).steps[0]).toMatchObject({
      outcome: "denied",
      reason: "approval-rejected",
    });
    expect(adapter.calls).toEqual([]);
  });

  it("approvals recorded beside a driving lane of the same process get through", async () => {
    const slow = scripted(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return fine;
    });
    const guarded = exampleContract(
      {
        id: "example.guarded",
        effect: "intrusive",
        authority: { roles: ["operator"], approval: "designated" },
      },
      { adapter: "scripted" },
    );
    const free = exampleContract({ effect: "write" }, { adapter: "scripted", idempotency: "idempotent" });
    const test = await open({ adapters: [slow], contracts: [guarded, free] });
    const steps = [
      { id: "first", uses: "example.guarded@1.0.0", with: { host: "inputs.host" } },
      ...Array.from({ length: 6 }, (_, i) => ({
        id: `free-${i}`,
        uses: "example.noop@1.0.0",
        needs: [],
        with: { host: "inputs.host" },
      })),
    ];
    const run = await start(test, exampleRunbook({ steps }));
    const driving = advance(test.lane, run);
    await expect.poll(() => viewRun(test.lane, run).steps[0]?.waitingFor?.actionDigest).toBeDefined();
    const actionDigest = viewRun(test.lane, run).steps[0]?.waitingFor?.actionDigest ?? "";
    await recordApproval(
      test.lane,
      run,
      await signApproval(test.people.approver, { principal: "anna", actionDigest }),
    );
    await driving;
    await advance(test.lane, run);
    expect(viewRun(test.lane, run).outcome).toBe("completed");
  });

  it("an approval that ran out while doubt was settled is asked for again", async () => {
    let shift = 0;
    const silent: AdapterOutcome = {
      ok: false,
      fault: { code: "ECONNRESET", phase: "response", message: "gone" },
    };
    const adapter = scripted(silent, fine);
    const contract = exampleContract(
      { effect: "write", authority: { roles: ["operator"], approval: "designated" } },
      { adapter: "scripted", idempotency: "unsafe" },
    );
    const test = await open({ adapters: [adapter], contracts: [contract], clock: () => Date.now() + shift });
    const run = await start(test, exampleRunbook());
    await advance(test.lane, run);
    const actionDigest = viewRun(test.lane, run).steps[0]?.waitingFor?.actionDigest ?? "";
    await recordApproval(
      test.lane,
      run,
      await signApproval(test.people.approver, { principal: "anna", actionDigest }),
    );
    await advance(test.lane, run);
    expect(viewRun(test.lane, run).steps[0]?.outcome).toBe("in-doubt");
    shift = 2 * 3_600_000;
    const statement = {
      purpose: "witnessops/resolution/v1",
      finding: "retry",
      invocation: `${run}/step-1`,
      attempt: 1,
      actionDigest,
      principal: "anna",
      reason: "it never arrived",
      signedAt: new Date().toISOString(),
      nonce: randomBytes(16).toString("hex"),
    };
    const signed = await signEnvelope(
      test.people.approver,
      canonicalBytes(statement),
      RESOLUTION_PAYLOAD_TYPE,
    );
    await resolveStep(test.lane, run, signed);
    await advance(test.lane, run);
    expect(viewRun(test.lane, run).steps[0]).toMatchObject({
      outcome: "paused",
      waitingFor: { what: "approval" },
    });
    expect(adapter.calls).toHaveLength(1);
  });
});

describe("two processes on one run", () => {
  it("make each call once between them", async () => {
    const adapter = scripted(fine);
    const contract = exampleContract({ effect: "write" }, { adapter: "scripted", idempotency: "unsafe" });
    const test = await open({ adapters: [adapter], contracts: [contract] });
    const lanes = await Promise.all([test.again(), test.again(), test.again()]);
    for (let i = 0; i < 5; i++) {
      const run = await start(test, exampleRunbook({}, 4));
      await Promise.all(lanes.map((lane) => advance(lane, run)));
      await expect
        .poll(async () => (await Promise.all(lanes.map((lane) => advance(lane, run))))[0]?.closed)
        .toBeDefined();
    }
    expect(adapter.calls).toHaveLength(20);
    expect(new Set(adapter.calls).size).toBe(20);
    expect(test.lane.store.checkIntegrity()).toEqual([]);
  });
});
