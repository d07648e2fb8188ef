// One approval for the declared list of a forEach step: by its digest, once for each element, and for nothing else.
import { describe, expect, it } from "vitest";
import { requestDigest } from "../src/gate/request-digest.ts";
import { advance } from "../src/run/advance.ts";
import { listOf, recordApproval } from "../src/run/record-approval.ts";
import { recordPrincipalDisabled } from "../src/run/record-governance.ts";
import { requestApproval } from "../src/run/request-approval.ts";
import { viewRun } from "../src/run/view-run.ts";
import { codes, verify } from "./fixtures/check-bundle.ts";
import { exampleContract, exampleRunbook } from "./fixtures/contracts.ts";
import { type Draft, forge, withDrafts } from "./fixtures/forge-bundle.ts";
import { signApproval, type TestLane } from "./fixtures/lane.ts";
import { exported, judge, open, retold, start, VALID, verdict } from "./fixtures/real-run.ts";
import type { SampleBundle } from "./fixtures/sample-bundle.ts";

const authority = { roles: ["operator" as const], approval: "designated" as const };
const contract = exampleContract({ effect: "intrusive", authority });
const scope = { include: ["host:*.example.test"] };
const each = (list: string) =>
  exampleRunbook({
    id: "each",
    scope,
    steps: [
      {
        id: "each",
        uses: "example.noop@1.0.0",
        with: { host: "each" },
        forEach: { in: list, max: 5, key: "each" },
      },
    ],
  });
const three = each("['a.example.test', 'b.example.test', 'c.example.test']");

async function asked() {
  const test = await open([contract]);
  return { test, run: await another(test) };
}

async function another(test: TestLane, runbook = three): Promise<string> {
  const run = await start(test, runbook);
  await advance(test.lane, run);
  return run;
}

async function digestOf(test: TestLane, run: string): Promise<string> {
  const state = test.lane.states.load(run);
  const [step] = state.steps;
  const [first] = step?.invocations ?? [];
  if (first === undefined || step === undefined) throw new Error("nothing was expanded");
  return requestDigest(await requestApproval(test.lane, state, first, step.invocations));
}

const approve = async (test: TestLane, run: string, actionDigest: string, decision?: "reject") =>
  recordApproval(
    test.lane,
    run,
    await signApproval(test.people.approver, {
      principal: "anna",
      actionDigest,
      ...(decision === undefined ? {} : { decision }),
    }),
  );
const outcomes = (test: TestLane, run: string) => viewRun(test.lane, run).steps.map(({ outcome }) => outcome);

describe("one approval of a list", () => {
  it("counts by its place in the stream, whatever times are claimed for it", async () => {
    const { test, run } = await asked();
    const one = viewRun(test.lane, run).steps[0]?.waitingFor?.actionDigest ?? "";
    await approve(test, run, one);
    await advance(test.lane, run);
    await approve(test, run, await digestOf(test, run), "reject");
    await advance(test.lane, run);
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
    const sample = {
      files: await exported(test.lane, [run]),
      trust: test.trust,
      run,
      runs: [run],
    } as unknown as SampleBundle;
    const isList = ({ predicate }: Draft) =>
      predicate.event === "approval-recorded" && predicate.detail?.list !== undefined;
    const moved = withDrafts(sample, (drafts) => {
      const rejection = drafts.find(isList) as Draft;
      const others = drafts.filter((draft) => draft !== rejection);
      const call = others.findIndex(({ predicate }) => predicate.event === "step-dispatched");
      const { time } = (others[call] as Draft).predicate;
      Object.assign(rejection.predicate.time, { claimedUtc: time.claimedUtc });
      return [...others.slice(0, call), rejection, ...others.slice(call)];
    });
    const report = await verify(await forge(moved, { signer: test.lane.signer }), test.trust);
    expect(report.verdict).toBe("invalid");
    expect(report.reasons.join("\n")).toContain("the gates did not see the rejection by `anna`");
  });

  it("cannot come after the call that it let go", async () => {
    const { test, run } = await asked();
    await approve(test, run, await digestOf(test, run));
    await advance(test.lane, run);
    let since = false;
    const report = await retold(test, [run], {
      receipt: ({ predicate }) => {
        since ||= predicate.event === "approval-recorded";
        const { time } = predicate;
        if (since && (predicate.ledger.stream === `run:${run}` || predicate.event === "run-closed"))
          Object.assign(time, {
            claimedUtc: new Date(Date.parse(time.claimedUtc) + 1_800_000).toISOString(),
          });
        return undefined;
      },
    });
    expect(report.verdict).toBe("invalid");
    expect(report.reasons.join("\n")).toContain("was recorded after the gates had decided");
  });

  it("lets every element of it go, with one receipt", async () => {
    const { test, run } = await asked();
    expect(outcomes(test, run)).toEqual(["paused", "paused", "paused"]);
    const { receipts } = test.lane.states.load(run);
    const list = await digestOf(test, run);
    await approve(test, run, list);
    expect(test.lane.states.load(run).receipts).toBe(receipts + 1);
    // Recorded again, it is the same.
    await advance(test.lane, run);
    expect(outcomes(test, run)).toEqual(["executed", "executed", "executed"]);
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(report.steps.every(({ proofClass }) => proofClass === "strong-proof")).toBe(true);
  });

  it("rejects all of it", async () => {
    const { test, run } = await asked();
    await approve(test, run, await digestOf(test, run), "reject");
    await advance(test.lane, run);
    expect(outcomes(test, run)[0]).toBe("denied");
    expect(outcomes(test, run)).not.toContain("executed");
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
  });

  it("is worth nothing in another run, or for another list", async () => {
    const { test, run } = await asked();
    const second = await another(test);
    const other = await another(test, each("['a.example.test', 'b.example.test']"));
    const list = await digestOf(test, run);
    await expect(approve(test, second, list)).rejects.toThrow(/waits for an approval of/);
    await expect(approve(test, other, list)).rejects.toThrow(/waits for an approval of/);
    expect(await digestOf(test, second)).not.toBe(list);
  });

  it("is void from the moment its signer is disabled", async () => {
    const { test, run } = await asked();
    await approve(test, run, await digestOf(test, run));
    await recordPrincipalDisabled(test.lane, "olga", "anna");
    await advance(test.lane, run);
    expect(outcomes(test, run)).toEqual(["paused", "paused", "paused"]);
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
  });

  it("serves each element once, when two processes go on at the same instant", async () => {
    const { test, run } = await asked();
    await approve(test, run, await digestOf(test, run));
    const other = await test.again();
    await Promise.allSettled([advance(test.lane, run), advance(other, run)]);
    await advance(other, run);
    expect(other.store.dispatches(run)).toHaveLength(3);
    expect(verdict(await judge(test, [run], other))).toEqual(VALID);
  });

  it("is asked for when every element has asked", async () => {
    const { test, run } = await asked();
    const state = test.lane.states.load(run);
    const [step] = state.steps;
    if (step?.invocations === undefined) throw new Error("nothing was expanded");
    const [first, ...rest] = step.invocations;
    const bare = { ...first, action: undefined } as never;
    expect(listOf(state, { ...step, invocations: [bare, ...rest] })).toBeUndefined();
    expect(listOf(state, step)?.actions).toHaveLength(3);
  });
});

describe("a server that has every issuer key cannot", () => {
  it("let a list stand for an action that is not in it", async () => {
    const { test, run } = await asked();
    await approve(test, run, await digestOf(test, run));
    await advance(test.lane, run);
    // The list is put away: nothing says any more what was approved.
    const report = await retold(test, [run], {
      files: (all) => {
        for (const path of all.keys()) if (path.startsWith("definitions/action-list/")) all.delete(path);
      },
    });
    expect(report.verdict).toBe("invalid");
    expect(codes(report)).toContain("FAILURE_APPROVAL_INVALID");
    const single = await retold(test, [run], {
      receipt: ({ predicate }) => predicate.event !== "approval-recorded",
    });
    expect(codes(single)).toContain("FAILURE_APPROVAL_INVALID");
  });
});
