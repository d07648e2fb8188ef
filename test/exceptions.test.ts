// Work under other terms: break-glass used twice, late, wider, by others; its independent review; targets reached by
// bypass. What each makes of the evidence, and what a server with every issuer key cannot hide.
import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Engagement } from "../src/contract/engagement.ts";
import { parseEngagement } from "../src/contract/parse-engagement.ts";
import { canonicalBytes } from "../src/format/canonical-json.ts";
import { type Signer, signEnvelope } from "../src/format/signer.ts";
import { BREAK_GLASS_PAYLOAD_TYPE, REVIEW_PAYLOAD_TYPE } from "../src/format/statement.ts";
import { advance } from "../src/run/advance.ts";
import { reportEngagement } from "../src/run/engagement-report.ts";
import { recordApproval } from "../src/run/record-approval.ts";
import { recordBreakGlass } from "../src/run/record-break-glass.ts";
import { recordReview } from "../src/run/record-review.ts";
import { startRun } from "../src/run/start-run.ts";
import { viewRun } from "../src/run/view-run.ts";
import { codes, stepOf, verify } from "./fixtures/check-bundle.ts";
import { exampleContract, exampleRunbook, noopAdapter } from "./fixtures/contracts.ts";
import type { Forgery } from "./fixtures/forge-bundle.ts";
import { openTestLane, signApproval, type TestLane } from "./fixtures/lane.ts";
import { exported, judge, open, retold, VALID, verdict } from "./fixtures/real-run.ts";

const HOUR = 3_600_000;
const ago = (millis: number) => new Date(Date.now() - millis).toISOString();
const glass = (changes: Partial<NonNullable<Engagement["breakGlass"]>[number]> = {}) => ({
  breakGlass: [
    {
      id: "night-shift",
      reason: "nobody answers at night",
      people: ["otto"],
      contracts: ["example.noop@1.0.0"],
      targets: ["host:www.example.test"],
      window: { notBefore: ago(HOUR), notAfter: ago(-HOUR) },
      uses: 1,
      reviewWithin: "24h",
      reviewers: ["olga"],
      ...changes,
    },
  ],
});
const asks = exampleContract({
  effect: "intrusive",
  authority: { roles: ["operator"], approval: "designated" },
});

async function paused(engagement: Partial<Engagement> = glass(), inputs = { host: "www.example.test" }) {
  const test = await open([asks], [noopAdapter], engagement);
  return { test, run: await another(test, inputs) };
}

async function another(test: TestLane, inputs = { host: "www.example.test" }): Promise<string> {
  await test.authorize(exampleRunbook());
  const request = { runbook: exampleRunbook(), engagement: "acme", inputs, requester: "otto" };
  const started = await startRun(test.lane, request);
  if (!started.started) throw new Error(started.problems.join("; "));
  await advance(test.lane, started.run);
  return started.run;
}

async function breakIt(test: TestLane, run: string, changes: Record<string, unknown> = {}, signer?: Signer) {
  const statement = {
    purpose: "witnessops/break-glass/v1",
    breakGlass: "night-shift",
    invocation: `${run}/step-1`,
    actionDigest: viewRun(test.lane, run).steps[0]?.waitingFor?.actionDigest,
    principal: "otto",
    reason: "it spreads",
    signedAt: new Date().toISOString(),
    nonce: randomBytes(16).toString("hex"),
    ...changes,
  };
  const envelope = await signEnvelope(
    signer ?? test.people.operator,
    canonicalBytes(statement),
    BREAK_GLASS_PAYLOAD_TYPE,
  );
  return recordBreakGlass(test.lane, run, envelope);
}

async function review(
  test: TestLane,
  run: string,
  { finding = "justified", principal = "olga", signer = test.people.owner, ...changes } = {},
) {
  const [use] = reportEngagement(test.lane.store, "acme", new Date().toISOString()).breakGlass.filter(
    (one) => one.run === run,
  );
  const statement = {
    purpose: "witnessops/review/v1",
    engagement: "acme",
    run,
    receipt: use?.receipt,
    finding,
    principal,
    reason: "I looked at it",
    signedAt: new Date().toISOString(),
    nonce: randomBytes(16).toString("hex"),
    ...changes,
  };
  const envelope = await signEnvelope(signer, canonicalBytes(statement), REVIEW_PAYLOAD_TYPE);
  return recordReview(test.lane, run, envelope);
}

async function used(engagement: Partial<Engagement> = glass()) {
  const { test, run } = await paused(engagement);
  await breakIt(test, run);
  await advance(test.lane, run);
  return { test, run };
}

describe("break-glass", () => {
  it("is reviewed once, also when two people review it at once", async () => {
    const { test, run } = await used(glass({ reviewers: ["olga", "anna"] }));
    const both = await Promise.allSettled([
      review(test, run),
      review(test, run, { finding: "unjustified", principal: "anna", signer: test.people.approver }),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
  });

  it("stands for an approval; what was done is provisional until somebody independent has reviewed it", async () => {
    const { test, run } = await used();
    expect(viewRun(test.lane, run).outcome).toBe("completed");
    const before = await judge(test, [run]);
    expect(verdict(before)).toEqual(VALID);
    expect(stepOf(before, "step-1")).toMatchObject({
      proofClass: "operational-input",
      reasons: ["break-glass that nobody reviewed"],
    });
    expect(reportEngagement(test.lane.store, "acme", ago(0)).breakGlass).toMatchObject([
      { by: "otto", state: "due", reason: "it spreads" },
    ]);
    expect(reportEngagement(test.lane.store, "acme", ago(-25 * HOUR)).breakGlass[0]?.state).toBe("overdue");
    await review(test, run);
    expect(reportEngagement(test.lane.store, "acme", ago(0)).ran[0]?.evidence).toBe(
      "eligible for strong proof",
    );
    const after = await judge(test, [run]);
    expect(verdict(after)).toEqual(VALID);
    expect(stepOf(after, "step-1")).toMatchObject({ proofClass: "strong-proof", reasons: [] });
    await expect(review(test, run)).rejects.toThrow(/it is justified: nothing is to be reviewed/);
  });

  it("that was found unjustified stays operational input", async () => {
    const { test, run } = await used();
    await review(test, run, { finding: "unjustified" });
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(stepOf(report, "step-1")?.reasons).toEqual(["break-glass, found unjustified"]);
  });

  it("is reviewed by nobody who acted, asked, or is no reviewer", async () => {
    const { test, run } = await used(glass({ people: ["otto", "anna"], reviewers: ["olga", "otto"] }));
    const { operator, approver } = test.people;
    await expect(review(test, run, { principal: "otto", signer: operator })).rejects.toThrow(
      /not-independent/,
    );
    await expect(review(test, run, { principal: "anna", signer: approver })).rejects.toThrow(
      /not-a-reviewer/,
    );
    await expect(review(test, run, { signer: operator })).rejects.toThrow(/key-unknown/);
    await expect(review(test, run, { receipt: `sha256:${"0".repeat(64)}` } as never)).rejects.toThrow(
      /about no use of break-glass/,
    );
  });

  it("is used once, and not again", async () => {
    const { test } = await used();
    const second = await another(test);
    await expect(breakIt(test, second)).rejects.toThrow(/used-up/);
    expect(viewRun(test.lane, second).steps[0]?.outcome).toBe("paused");
  });

  it("is taken by one of two that break it at the same instant in two processes", async () => {
    const { test, run } = await paused();
    const second = await another(test);
    await breakIt(test, run);
    await breakIt(test, second);
    const other = await test.again();
    await Promise.all([advance(test.lane, run), advance(other, second)]);
    const outcomes = [run, second].map((one) => viewRun(other, one).steps[0]?.outcome).sort();
    expect(outcomes).toEqual(["executed", "paused"]);
    expect(verdict(await judge(test, [run, second], other))).toEqual(VALID);
  });

  it("is not used late, wider, by others, for others, or with another's key", async () => {
    const late = await paused(glass({ window: { notBefore: ago(3 * HOUR), notAfter: ago(2 * HOUR) } }));
    await expect(breakIt(late.test, late.run)).rejects.toThrow(/outside-window/);
    const wider = await paused(glass(), { host: "ftp.example.test" });
    await expect(breakIt(wider.test, wider.run)).rejects.toThrow(/wider/);
    const other = await paused(glass({ contracts: ["example.noop@2.0.0"] }));
    await expect(breakIt(other.test, other.run)).rejects.toThrow(/other-contract/);
    const { test, run } = await paused();
    await expect(breakIt(test, run, { principal: "anna" }, test.people.approver)).rejects.toThrow(
      /not-named/,
    );
    await expect(breakIt(test, run, {}, test.people.approver)).rejects.toThrow(/key-unknown/);
    await expect(breakIt(test, run, { breakGlass: "day-shift" })).rejects.toThrow(/not-permitted/);
    await expect(breakIt(test, run, { actionDigest: `sha256:${"0".repeat(64)}` })).rejects.toThrow(
      /waits for no approval/,
    );
    const none = await paused({});
    await expect(breakIt(none.test, none.run)).rejects.toThrow(/not-permitted/);
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
  });

  it("whose window ends before the call waits for an approval again", async () => {
    let skew = 0;
    const test = await openTestLane({
      adapters: [noopAdapter],
      contracts: [asks],
      engagement: glass(),
      clock: () => Date.now() + skew,
    });
    try {
      const run = await another(test);
      await breakIt(test, run);
      skew = 2 * HOUR;
      await advance(test.lane, run);
      expect(viewRun(test.lane, run).steps[0]?.outcome).toBe("paused");
      expect(verdict(await judge(test, [run]))).toEqual(VALID);
    } finally {
      test.close();
    }
  });

  it("does not outweigh a rejection", async () => {
    const { test, run } = await paused();
    await breakIt(test, run);
    const actionDigest = viewRun(test.lane, run).steps[0]?.waitingFor?.actionDigest ?? "";
    const no = { principal: "anna", actionDigest, decision: "reject" as const };
    await recordApproval(test.lane, run, await signApproval(test.people.approver, no));
    await advance(test.lane, run);
    expect(viewRun(test.lane, run).steps[0]).toMatchObject({
      outcome: "denied",
      reason: "approval-rejected",
    });
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
  });

  it("is refused while the review of an earlier one is overdue", async () => {
    const { test } = await used(glass({ uses: 2, reviewWithin: "1ms" }));
    const second = await another(test);
    await expect(breakIt(test, second)).rejects.toThrow(/is overdue since/);
  });

  it("is written so that somebody else can review it", () => {
    const text = JSON.stringify({ breakGlass: glass({ people: ["otto"], reviewers: ["otto"] }).breakGlass });
    expect(() => parseEngagement(text)).toThrow(/nobody but `otto` could review what `otto` does/);
  });
});

describe("a scope bypass", () => {
  const bypass = {
    approver: "anna",
    reason: "the attacker moved there",
    boundary: ["host:www.other.test"],
    environmentClass: "customer production",
    stopCondition: "the customer says stop",
    dataHandling: "nothing leaves",
  };
  const runbook = exampleRunbook({ scope: { include: ["host:*.other.test", "host:*.example.test"] } });
  async function reach(host: string, engagement: Partial<Engagement> = { bypass }) {
    const test = await open([exampleContract()], [noopAdapter], engagement);
    await test.authorize(runbook);
    const request = { runbook, engagement: "acme", inputs: { host }, requester: "otto" };
    const started = await startRun(test.lane, request);
    if (!started.started) throw new Error(started.problems.join("; "));
    await advance(test.lane, started.run);
    return { test, run: started.run };
  }

  it("reaches its targets, and never for strong proof", async () => {
    const { test, run } = await reach("www.other.test");
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(stepOf(report, "step-1")).toMatchObject({
      outcome: "executed",
      proofClass: "operational-input",
      reasons: ["bypass"],
    });
  });

  it("reaches no others, and none that are excluded", async () => {
    for (const [host, engagement] of [
      ["ftp.other.test", { bypass }],
      [
        "www.other.test",
        { bypass, scope: { include: ["host:*.example.test"], exclude: ["host:*.other.test"] } },
      ],
      ["www.other.test", {}],
    ] as const) {
      const { test, run } = await reach(host, engagement as Partial<Engagement>);
      expect(viewRun(test.lane, run).steps[0]).toMatchObject({ outcome: "denied", gate: "scope" });
      expect(verdict(await judge(test, [run]))).toEqual(VALID);
    }
  });

  it("leaves what is in scope as it is", async () => {
    const { test, run } = await reach("www.example.test");
    const report = await judge(test, [run]);
    expect(stepOf(report, "step-1")).toMatchObject({ proofClass: "strong-proof" });
  });

  it("names who approved it, why, where, and when it stops, or the engagement does not hold", () => {
    for (const name of Object.keys(bypass)) {
      const { [name as keyof typeof bypass]: _, ...rest } = bypass;
      expect(() => parseEngagement(JSON.stringify({ bypass: rest }))).toThrow(new RegExp(`bypass.${name}`));
    }
    const people = [{ id: "otto", roles: ["operator"] }];
    expect(() =>
      parseEngagement(JSON.stringify({ bypass: { ...bypass, approver: "otto" }, principals: people })),
    ).toThrow(/`otto` is no approver/);
  });
});

describe("a server that has every issuer key cannot", () => {
  const told = (test: TestLane, runs: readonly string[], receipt: NonNullable<Forgery["receipt"]>) =>
    retold(test, runs, { receipt });

  it("say nothing of break-glass", async () => {
    const { test, run } = await used();
    const report = await told(test, [run], ({ predicate }) => {
      predicate.exceptions = predicate.exceptions.filter((one) => one !== "break-glass");
      return undefined;
    });
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_DIGEST_MISMATCH"]]);
    const without = await told(test, [run], ({ predicate }) => predicate.event !== "break-glass-recorded");
    expect(without.verdict).toBe("invalid");
    expect(without.reasons.join()).toContain(
      "no receipt before the call records that somebody acts without approval",
    );
  });

  it("invent a review, or turn one round", async () => {
    const { test, run } = await used();
    await review(test, run, { finding: "unjustified" });
    const report = await told(test, [run], ({ predicate }) => {
      if (predicate.event === "break-glass-reviewed")
        Object.assign(predicate.detail ?? {}, { finding: "justified" });
      return undefined;
    });
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_DIGEST_MISMATCH"]]);
  });

  it("have a review count whose author the reviewer does not trust", async () => {
    const { test, run } = await used();
    await review(test, run);
    const principals = test.trust.principals.map((one) =>
      one.id === "olga" ? { ...one, id: "other" } : one,
    );
    const report = await verify(await exported(test.lane, [run]), { ...test.trust, principals });
    expect(stepOf(report, "step-1")?.reasons).toContain("break-glass that nobody reviewed");
  });

  it("use one permission for two calls", async () => {
    const { test, run } = await used(glass({ uses: 2 }));
    const second = await another(test);
    await breakIt(test, second);
    await advance(test.lane, second);
    expect(verdict(await judge(test, [run, second]))).toEqual(VALID);
    const report = await retold(test, [run, second], {
      gateRecord: (record) => {
        if (record.breakGlass !== undefined) record.breakGlass.use = 1;
        for (const { facts } of record.gates)
          if (facts.breakGlass !== undefined) Object.assign(facts.breakGlass as object, { use: 1 });
      },
    });
    expect(report.verdict).toBe("invalid");
    expect(report.reasons.join()).toContain("use 1 of `night-shift` was taken by");
  });
});
