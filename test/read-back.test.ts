// Doubt that a contract's own read-back settles: asked once each time the run is taken up, through the gates, judged
// again by the verifier, and left alone when it tells nothing.
import { describe, expect, it } from "vitest";
import type { AdapterOutcome } from "../src/adapter/adapter.ts";
import { advance } from "../src/run/advance.ts";
import { cancelRun } from "../src/run/cancel-run.ts";
import type { Lane } from "../src/run/lane.ts";
import { recordEngagementStatus } from "../src/run/record-governance.ts";
import { startRun } from "../src/run/start-run.ts";
import { viewRun } from "../src/run/view-run.ts";
import { codes, stepOf } from "./fixtures/check-bundle.ts";
import { exampleContract, exampleRunbook } from "./fixtures/contracts.ts";
import type { Draft, Forgery } from "./fixtures/forge-bundle.ts";
import type { TestLane } from "./fixtures/lane.ts";
import { fine, judge, open, resolve, retold, scripted, start, VALID, verdict } from "./fixtures/real-run.ts";

const silent: AdapterOutcome = {
  ok: false,
  fault: { code: "ECONNRESET", phase: "response", message: "gone" },
};
const says = (said: string): AdapterOutcome => ({ ok: true, result: { said } });
const reading = exampleContract({ id: "example.state" }, { adapter: "reader" });
const confirm = {
  uses: "example.state@1.0.0",
  after: "200ms",
  with: { host: "inputs.host" },
  happened: "outputs.said == 'done'",
  notHappened: "outputs.said == 'absent'",
};
const acting = exampleContract({ effect: "write" }, { adapter: "scripted", idempotency: "unsafe", confirm });

/** A run whose action is not answered, and whose read-backs are answered in turn. */
async function doubted(answers: AdapterOutcome[], contract = acting, runbook = exampleRunbook()) {
  const action = scripted(silent, fine);
  const reader = scripted(...answers);
  const test = await open([contract, reading], [action, { ...reader, id: "reader" }]);
  const run = await start(test, runbook);
  await advance(test.lane, run);
  return { test, run, action, reader };
}

async function valid(test: TestLane, run: string, lane?: Lane) {
  const report = await judge(test, [run], lane);
  expect(verdict(report)).toEqual(VALID);
  return report;
}

describe("a read-back", () => {
  it.each([
    ["happened", "done", "executed", "completed"],
    ["did not happen", "absent", "failed", "stopped"],
  ])("finds that the action %s", async (_, said, outcome, ended) => {
    const { test, run, action, reader } = await doubted([says(said)]);
    const report = await valid(test, run);
    expect(report.runs[0]?.outcome).toBe(ended);
    const [step, back] = report.steps;
    expect(step).toMatchObject({ outcome, proofClass: "operational-input" });
    expect(step?.reasons).toEqual(["the outcome is what a read-back found"]);
    expect(back).toMatchObject({ readBack: 1, outcome: "executed", proofClass: "strong-proof" });
    expect(back?.invocation).toBe(`${run}/step-1/read-back-1`);
    expect([action.calls, reader.calls]).toEqual([1, 1]);
    expect(viewRun(test.lane, run).steps.map(({ readBack, outcome: of }) => [readBack, of])).toEqual([
      [undefined, outcome],
      [1, "executed"],
    ]);
  });

  it("that tells nothing leaves the doubt, and is made again when the run is taken up", async () => {
    const { test, run, reader } = await doubted([says("perhaps"), says("done")]);
    expect(reader.calls).toBe(1);
    expect(stepOf(await valid(test, run), "step-1")).toMatchObject({ outcome: "in-doubt" });
    expect(viewRun(test.lane, run).steps[0]?.waitingFor).toMatchObject({ what: "resolution" });
    await advance(test.lane, run);
    const report = await valid(test, run);
    expect(report.steps.map(({ readBack, outcome }) => [readBack, outcome])).toEqual([
      [undefined, "executed"],
      [1, "executed"],
      [2, "executed"],
    ]);
  });

  it("that fails leaves the doubt to a person", async () => {
    const { test, run } = await doubted([silent]);
    const report = await valid(test, run);
    expect(report.doubt).toEqual([`\`${run}/step-1\`: whether it happened is not known`]);
    expect(report.steps[1]).toMatchObject({ readBack: 1, outcome: "failed" });
    await resolve(test, run, test.lane, "executed");
    await advance(test.lane, run);
    expect((await valid(test, run)).runs[0]?.outcome).toBe("completed");
  });

  it("that settled the doubt leaves nothing for a person to say", async () => {
    const { test, run } = await doubted([says("perhaps"), says("done")]);
    // Another process reads back, and is stopped before it has ended the step.
    const stopping = new AbortController();
    const lane: Lane = { ...(await test.again()), adapters: test.lane.adapters, signal: stopping.signal };
    await advance(lane, run, () => stopping.abort());
    expect(viewRun(lane, run).steps.map(({ outcome }) => outcome)).toEqual([
      "in-doubt",
      "executed",
      "executed",
    ]);
    await expect(resolve(test, run, test.lane, "failed")).rejects.toThrow(/a read-back has settled/);
    await advance(test.lane, run);
    expect(stepOf(await valid(test, run), "step-1")).toMatchObject({ outcome: "executed" });
  });

  it("that is under way is waited for: nobody settles the doubt meanwhile", async () => {
    let answer: (outcome: AdapterOutcome) => void = () => undefined;
    const pending = new Promise<AdapterOutcome>((done) => {
      answer = done;
    });
    const test = await open(
      [acting, reading],
      [scripted(silent), { ...scripted(() => pending), id: "reader" }],
    );
    const run = await start(test);
    const going = advance(test.lane, run);
    const begun = () =>
      test.lane.store.dispatches(run).filter(({ invocation }) => /read-back/.test(invocation));
    await expect.poll(() => begun().length).toBe(1);
    await expect(resolve(test, run, test.lane, "retry")).rejects.toThrow(/a read-back .* is under way/);
    answer(says("perhaps"));
    await going;
    await resolve(test, run, test.lane, "executed");
    await advance(test.lane, run);
    expect((await valid(test, run)).runs[0]?.outcome).toBe("completed");
  });

  it("goes through the gates: a halted engagement denies it", async () => {
    const { test, run, reader } = await doubted([says("perhaps"), says("done")]);
    await recordEngagementStatus(test.lane, "olga", "acme", "halted", "stop");
    await advance(test.lane, run);
    expect(reader.calls).toBe(1);
    const report = await valid(test, run);
    expect(report.steps[2]).toMatchObject({ readBack: 2, outcome: "denied" });
    expect(stepOf(report, "step-1")).toMatchObject({ outcome: "in-doubt" });
  });

  it("is made before a run that is to be cancelled can close", async () => {
    const { test, run } = await doubted([says("perhaps"), says("done")]);
    await cancelRun(test.lane, run);
    expect((await valid(test, run)).runs[0]?.outcome).toBe("cancelled");
    expect(stepOf(await valid(test, run), "step-1")).toMatchObject({ outcome: "executed" });
  });

  it("of one element of a forEach, after a person had the first attempt repeated", async () => {
    const list = "['a.example.test', 'b.example.test']";
    const steps = [
      {
        id: "each",
        uses: "example.noop@1.0.0",
        with: { host: "each" },
        forEach: { in: list, max: 5, key: "each" },
      },
    ];
    const scope = { include: ["host:*.example.test"] };
    const { test, run, action } = await doubted([says("perhaps"), says("done")], acting, {
      ...exampleRunbook({ steps, scope }),
    });
    await resolve(test, run, test.lane, "retry", "each[a.example.test]");
    await advance(test.lane, run);
    expect(action.calls).toBe(3);
    const report = await valid(test, run);
    expect(report.runs[0]?.outcome).toBe("completed");
  });

  it("waits until the action must have ended", async () => {
    const { test, run } = await doubted([says("done")]);
    const [dispatch] = test.lane.store.dispatches(run);
    const back = test.lane.store.dispatches(run).find(({ invocation }) => invocation.includes("read-back"));
    expect(Date.parse(back?.at ?? "") - Date.parse(dispatch?.at ?? "")).toBeGreaterThanOrEqual(200);
  });

  it("that a killed process began is made again by the next one", async () => {
    const hung = scripted(() => new Promise<AdapterOutcome>(() => undefined));
    const slow = exampleContract({ id: "example.state" }, { adapter: "reader", timeout: "1d" });
    const test = await open([acting, slow], [scripted(silent), { ...hung, id: "reader" }]);
    const run = await start(test);
    // The lane is closed under it, as when a process dies.
    advance(test.lane, run).catch(() => undefined);
    const begun = () =>
      test.lane.store.dispatches(run).filter(({ invocation }) => /read-back/.test(invocation));
    await expect.poll(() => begun().length).toBe(1);
    await test.lane.store.releaseLease(test.lane.owner, { pid: process.pid, token: test.lane.owner });
    const next: Lane = {
      ...(await test.again()),
      adapters: [scripted(fine), { ...scripted(says("done")), id: "reader" }],
    };
    await advance(next, run);
    const report = await valid(test, run, next);
    expect(report.steps.map(({ readBack, outcome }) => [readBack, outcome])).toEqual([
      [undefined, "executed"],
      [1, "executed"],
    ]);
  });

  it("is not admitted when it would act, or ask", async () => {
    const wrong = exampleContract({ id: "example.state", effect: "write" }, { idempotency: "unsafe" });
    const asks = exampleContract({
      id: "example.state",
      authority: { roles: ["operator"], approval: "designated" },
    });
    for (const [contract, problem] of [
      [wrong, "reads nothing back"],
      [asks, "would wait for an approval"],
    ] as const) {
      const test = await open([acting, contract], [scripted(fine)]);
      await test.authorize(exampleRunbook());
      const started = await startRun(test.lane, {
        runbook: exampleRunbook(),
        engagement: "acme",
        inputs: { host: "www.example.test" },
        requester: "otto",
      });
      expect(started).toMatchObject({ started: false });
      expect(started.started ? "" : started.problems.join()).toContain(problem);
    }
  });
});

describe("a server that has every issuer key cannot", () => {
  const told = (test: TestLane, run: string, receipt: NonNullable<Forgery["receipt"]>) =>
    retold(test, [run], { receipt });
  const ends = ({ predicate: { event, step } }: Draft, readBack: number | undefined) =>
    /step-(executed|failed)/.test(event) && step?.readBack === readBack;

  it("turn what a read-back found round", async () => {
    const { test, run } = await doubted([says("absent")]);
    const report = await told(test, run, (draft) => {
      if (!ends(draft, undefined)) return undefined;
      Object.assign(draft.predicate, { event: "step-executed" });
      Object.assign(draft.predicate.invocation ?? {}, { outcome: "executed" });
      return undefined;
    });
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_DECISION_MISMATCH"]]);
    expect(report.reasons.join()).toContain("it does not end as a read-back before it found");
  });

  it("change what a read-back read", async () => {
    const { test, run } = await doubted([says("absent")]);
    const report = await told(test, run, (draft) => {
      if (ends(draft, 1)) Object.assign(draft.predicate.invocation?.outputs ?? {}, { said: "done" });
      return undefined;
    });
    expect(report.verdict).toBe("invalid");
    expect(report.reasons.join()).toContain("its captured result gives other outputs than recorded");
  });

  it("leave the read-back out that it ends by", async () => {
    const { test, run } = await doubted([says("done")]);
    const report = await told(test, run, (draft) => !ends(draft, 1));
    expect(report.verdict).toBe("invalid");
    expect(report.reasons.join()).toContain("it does not end as a read-back before it found");
  });

  it("ask once more after a finding that it does not like", async () => {
    const { test, run } = await doubted([says("perhaps"), says("done")]);
    await advance(test.lane, run);
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
    // The first read-back's own words, under a rule by which they would have settled it.
    const report = await retold(test, [run], {
      receipt: (draft) => {
        if (draft.predicate.step?.readBack === 1) draft.predicate.step.readBack = 2;
        else if (draft.predicate.step?.readBack === 2) draft.predicate.step.readBack = 1;
        return undefined;
      },
    });
    expect(report.verdict).toBe("invalid");
  });

  it("let a read-back answer for a call that was answered", async () => {
    const test = await open([acting, reading], [scripted(fine), { ...scripted(says("done")), id: "reader" }]);
    const run = await start(test);
    await advance(test.lane, run);
    const report = await told(test, run, (draft) => {
      if (ends(draft, undefined))
        Object.assign(draft.predicate, { detail: { readBack: `sha256:${"0".repeat(64)}` } });
      return undefined;
    });
    expect(report.verdict).toBe("invalid");
    expect(codes(report)).toContain("FAILURE_DECISION_MISMATCH");
  });

  it("read back before the action must have ended", async () => {
    const { test, run } = await doubted([says("done")]);
    const report = await retold(test, [run], {
      gateRecord: (record) => {
        if (!record.action.invocation.includes("read-back")) return;
        record.decidedAt = new Date(Date.parse(record.decidedAt) - 150).toISOString();
      },
    });
    expect(report.verdict).toBe("invalid");
    expect(report.reasons.join()).toContain("it reads back too early");
  });
});
