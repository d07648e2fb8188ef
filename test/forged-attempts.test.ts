// Attempts that a server with every issuer key tells otherwise than they went: retried more often than allowed, failed
// where nobody knows, doubtful where there was an answer.
import { describe, expect, it } from "vitest";
import type { AdapterOutcome } from "../src/adapter/adapter.ts";
import type { Contract } from "../src/contract/contract.ts";
import type { AttemptFact } from "../src/contract/receipt-predicate.ts";
import { advance } from "../src/run/advance.ts";
import type { Lane } from "../src/run/lane.ts";
import type { Report } from "../src/verifier/index.ts";
import { codes, verify } from "./fixtures/check-bundle.ts";
import { exampleContract, exampleRunbook } from "./fixtures/contracts.ts";
import { type Draft, forge } from "./fixtures/forge-bundle.ts";
import type { TestLane } from "./fixtures/lane.ts";
import { exported, fine, judge, open, scripted, start, VALID, verdict } from "./fixtures/real-run.ts";
import type { SampleBundle } from "./fixtures/sample-bundle.ts";

const hung = () => new Promise<AdapterOutcome>(() => undefined);
const error = (code: string, phase: "response" | "connect"): AdapterOutcome => ({
  ok: false,
  fault: { code, phase, message: code },
});
const on = ["BUSY"];

/** The run as it is told by who signs its receipts: only those of calls are changed. */
async function told(
  test: TestLane,
  run: string,
  change: (draft: Draft, attempts: AttemptFact[]) => void,
  lane: Lane = test.lane,
): Promise<Report> {
  expect(verdict(await judge(test, [run], lane))).toEqual(VALID);
  const sample = { files: await exported(lane, [run]), trust: test.trust, run } as unknown as SampleBundle;
  const forged = await forge(sample, {
    signer: test.lane.signer,
    receipt: (draft) => {
      const { invocation } = draft.predicate;
      if (invocation !== undefined && invocation.attempts.length > 0) change(draft, invocation.attempts);
      return undefined;
    },
  });
  return verify(forged, test.trust);
}

async function finished(contract: Contract, answers: AdapterOutcome[], runbook = exampleRunbook()) {
  const test = await open([contract], [scripted(...answers)]);
  const run = await start(test, runbook);
  await advance(test.lane, run);
  return { test, run };
}

describe("more attempts than are allowed", () => {
  const [step] = exampleRunbook().steps;
  it.each([
    ["the contract", { attempts: 1 }, {}],
    ["the step", { attempts: 3 }, { retry: { attempts: 1 } }],
  ])("failed, by %s", async (_, most, more) => {
    const retry = { backoff: "none" as const, on, ...most };
    const before = scripted(hung);
    const made = exampleContract({}, { adapter: "scripted", retry, timeout: "1d" });
    const test = await open([made], [before]);
    const run = await start(test, exampleRunbook({ steps: [{ ...step, ...more }] as never }));
    // The lane may be closed under it, as when a process dies.
    advance(test.lane, run).catch(() => undefined);
    await expect.poll(() => before.calls).toBe(1);
    await test.lane.store.releaseLease(test.lane.owner, { pid: process.pid, token: test.lane.owner });
    const lane: Lane = { ...(await test.again()), adapters: [scripted(fine)] };
    await advance(lane, run);
    // The doubt of a call that goes again by itself is told as a failure that was retried.
    const failed = { exit: "failed", errorClass: "BUSY", side: "external" };
    const retold = (_draft: Draft, [first]: AttemptFact[]) => void Object.assign(first ?? {}, failed);
    const report = await told(test, run, retold, lane);
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_DECISION_MISMATCH"]]);
    expect(report.reasons.join()).toContain("no more than 1 may fail");
  });
});

describe("doubt", () => {
  const execution = { adapter: "scripted", idempotency: "unsafe" as const };
  const unsafe = exampleContract({ effect: "write" }, execution);
  const as =
    (event: "step-failed" | "step-in-doubt", exit: "failed" | "in-doubt") =>
    ({ predicate }: Draft, [first]: AttemptFact[]): void => {
      const detail = { attempt: 1, reason: "not-answered" };
      Object.assign(predicate, { event, detail: event === "step-failed" ? {} : detail });
      if (event === "step-failed") Reflect.deleteProperty(predicate, "detail");
      Object.assign(predicate.invocation ?? {}, { outcome: exit });
      Object.assign(first ?? {}, { exit });
    };

  it("of an unsafe call that was not answered, told as a failure", async () => {
    const { test, run } = await finished(unsafe, [error("ECONNRESET", "response")]);
    const report = await told(test, run, as("step-failed", "failed"));
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_DECISION_MISMATCH"]]);
    expect(report.reasons.join()).toContain("leaves an unsafe call in doubt");
  });

  it("of a call that was answered", async () => {
    const { test, run } = await finished(unsafe, [error("HTTP_STATUS", "response")]);
    const report = await told(test, run, as("step-in-doubt", "in-doubt"));
    expect(report.verdict).toBe("invalid");
    expect(report.reasons.join()).toContain("is an answer, and leaves no doubt");
  });

  it("is not asked for where the number of addresses decides", async () => {
    const { test, run } = await finished(unsafe, [error("ECONNREFUSED", "connect")]);
    const report = await told(test, run, as("step-in-doubt", "in-doubt"));
    expect(report.reasons.join()).not.toContain("leaves no doubt");
  });
});
