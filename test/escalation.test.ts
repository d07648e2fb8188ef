// A failure that is escalated: a receipt with the recipient and a package that follows from the run, then a person who
// goes on, or hands the run over. What a server with every issuer key cannot do to it.
import { describe, expect, it } from "vitest";
import type { Escalation } from "../src/contract/escalation.ts";
import { parseJson } from "../src/format/canonical-json.ts";
import { advance } from "../src/run/advance.ts";
import { viewRun } from "../src/run/view-run.ts";
import { codes } from "./fixtures/check-bundle.ts";
import { exampleContract, exampleRunbook } from "./fixtures/contracts.ts";
import type { Forgery } from "./fixtures/forge-bundle.ts";
import type { TestLane } from "./fixtures/lane.ts";
import {
  busy,
  fine,
  judge,
  open,
  resolve,
  retold,
  scripted,
  start,
  VALID,
  verdict,
} from "./fixtures/real-run.ts";

const failure = { onFailure: "escalate" as const, escalateTo: "incident-lead" };
const contract = exampleContract({ failure }, { adapter: "scripted" });

/** Two steps, the second of which fails and is escalated, and one that has not had its turn. */
async function escalated() {
  const test = await open([contract], [scripted(fine, busy, fine)]);
  const run = await start(test, exampleRunbook({}, 3));
  await advance(test.lane, run);
  return { test, run };
}

function packageOf(test: TestLane, run: string): Escalation {
  const digest = viewRun(test.lane, run).steps[1]?.waitingFor?.escalation;
  const bytes = test.lane.store.document(digest as `sha256:${string}`);
  return parseJson(bytes ?? new Uint8Array()) as unknown as Escalation;
}

const told = (
  test: TestLane,
  run: string,
  receipt: NonNullable<Forgery["receipt"]>,
  files: NonNullable<Forgery["files"]> = () => undefined,
) => retold(test, [run], { receipt, files });

describe("an escalation", () => {
  it("names whom it goes to, and gives them what was observed, decided, and is open", async () => {
    const { test, run } = await escalated();
    const view = viewRun(test.lane, run);
    expect(view.state).toBe("waiting");
    expect(view.steps[1]?.waitingFor).toMatchObject({ what: "release", escalatedTo: "incident-lead" });
    const given = packageOf(test, run);
    expect(given).toMatchObject({ run, invocation: `${run}/step-2`, to: "incident-lead", doubt: [] });
    expect(
      given.observed.map(({ invocation, outcome, errorClass }) => [invocation, outcome, errorClass]),
    ).toEqual([
      [`${run}/step-1`, "executed", undefined],
      [`${run}/step-2`, "failed", "BUSY"],
    ]);
    expect(given.observed[0]?.outputs).toEqual({ said: "hello" });
    expect(given.openQuestions).toHaveLength(1);
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
    // Taken up again, nobody is told twice.
    const receipts = test.lane.states.load(run).receipts;
    await advance(test.lane, run);
    expect(test.lane.states.load(run).receipts).toBe(receipts);
  });

  it("is made of every element that failed, so that people can release them in any order", async () => {
    const list = "['a.example.test', 'b.example.test']";
    const steps = [
      {
        id: "each",
        uses: "example.noop@1.0.0",
        with: { host: "each" },
        forEach: { in: list, max: 5, key: "each" },
      },
    ];
    const test = await open([contract], [scripted(busy)]);
    const run = await start(test, exampleRunbook({ steps, scope: { include: ["host:*.example.test"] } }));
    await advance(test.lane, run);
    expect(viewRun(test.lane, run).steps.map(({ waitingFor }) => waitingFor?.escalatedTo)).toEqual([
      "incident-lead",
      "incident-lead",
    ]);
    await resolve(test, run, test.lane, "continue", "each[b.example.test]");
    await resolve(test, run, test.lane, "continue", "each[a.example.test]");
    await advance(test.lane, run);
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(report.runs[0]?.outcome).toBe("completed");
  });

  it("comes before a release", async () => {
    const stopping = new AbortController();
    const test = await open([contract], [scripted(busy)]);
    const run = await start(test, exampleRunbook({}, 1));
    // The process ends as soon as the step has failed.
    await advance({ ...test.lane, signal: stopping.signal }, run, () => stopping.abort());
    expect(viewRun(test.lane, run).steps[0]?.outcome).toBe("failed");
    await expect(resolve(test, run, test.lane, "continue")).rejects.toThrow(/was not escalated yet/);
    await advance(test.lane, run);
    await resolve(test, run, test.lane, "continue");
    await advance(test.lane, run);
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
  });

  it("goes to the owner of the runbook when the contract names nobody", async () => {
    const step = { id: "step-1", uses: "example.noop@1.0.0", with: { host: "inputs.host" } };
    const test = await open([exampleContract({}, { adapter: "scripted" })], [scripted(busy)]);
    const run = await start(test, exampleRunbook({ steps: [{ ...step, onFailure: "escalate" }] }));
    await advance(test.lane, run);
    expect(viewRun(test.lane, run).steps[0]?.waitingFor?.escalatedTo).toBe(exampleRunbook().owner);
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
  });

  it("is gone on from when a person says so", async () => {
    const { test, run } = await escalated();
    await resolve(test, run, test.lane, "continue", "step-2");
    await advance(test.lane, run);
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(report.runs[0]?.outcome).toBe("completed");
  });

  it("ends the run as handed over when a person says so", async () => {
    const { test, run } = await escalated();
    await resolve(test, run, test.lane, "hand-over", "step-2");
    await advance(test.lane, run);
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(report.runs[0]?.outcome).toBe("handed-over");
    expect(report.steps[2]).toMatchObject({ id: "step-3", outcome: "cancelled" });
  });

  it("tells of doubt and of what waits", async () => {
    const silent = { ok: false, fault: { code: "ECONNRESET", phase: "response", message: "gone" } } as const;
    const uses = "example.noop@1.0.0";
    const host = { host: "inputs.host" };
    const steps = [
      { id: "step-1", uses, with: host, needs: [] },
      { id: "step-2", uses, with: host, needs: [] },
      { id: "step-3", uses, with: host, needs: [] },
    ];
    const unsafe = exampleContract(
      { effect: "write", failure },
      { adapter: "scripted", idempotency: "unsafe" },
    );
    const refused = { ok: false, fault: { code: "HTTP_STATUS", phase: "response", message: "no" } } as const;
    const test = await open([unsafe], [scripted(silent, refused)]);
    const run = await start(test, exampleRunbook({ steps }));
    await advance(test.lane, run);
    const given = packageOf(test, run);
    expect(given.doubt).toMatchObject([{ invocation: `${run}/step-1`, attempt: 1 }]);
    expect(given.openQuestions).toContain(`did \`${run}/step-1\` happen? Nobody knows`);
    expect(verdict(await judge(test, [run]))).toEqual(VALID);
    // Doubt is handed over to nobody: somebody has to say what happened.
    await resolve(test, run, test.lane, "hand-over", "step-2");
    await advance(test.lane, run);
    expect(viewRun(test.lane, run).state).toBe("waiting");
    await resolve(test, run, test.lane, "executed");
    await advance(test.lane, run);
    const report = await judge(test, [run]);
    expect(verdict(report)).toEqual(VALID);
    expect(report.runs[0]?.outcome).toBe("handed-over");
  });
});

describe("a server that has every issuer key cannot", () => {
  it("leave the escalation out", async () => {
    const { test, run } = await escalated();
    await resolve(test, run, test.lane, "continue", "step-2");
    await advance(test.lane, run);
    const report = await told(test, run, ({ predicate }) => predicate.event !== "step-escalated");
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_DECISION_MISMATCH"]]);
    expect(report.reasons.join()).toContain("it was released before it was escalated");
  });

  it("escalate to somebody else", async () => {
    const { test, run } = await escalated();
    const report = await told(test, run, ({ predicate }) => {
      if (predicate.event === "step-escalated") Object.assign(predicate.detail ?? {}, { to: "the intern" });
      return undefined;
    });
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_DECISION_MISMATCH"]]);
  });

  it("give a package that leaves out what failed", async () => {
    const { test, run } = await escalated();
    // An honest package of another moment: the receipts after it are others.
    const report = await told(test, run, ({ predicate }) => predicate.step?.id !== "step-1");
    expect(report.verdict).toBe("invalid");
    expect(report.reasons.join()).toContain("with another package, than follows from the run");
  });

  it("keep the package back", async () => {
    const { test, run } = await escalated();
    const report = await told(
      test,
      run,
      () => undefined,
      (files) => {
        for (const path of files.keys()) if (path.startsWith("definitions/escalation/")) files.delete(path);
      },
    );
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_COMPLETENESS"]]);
  });

  it("say that the run was handed over", async () => {
    const { test, run } = await escalated();
    await resolve(test, run, test.lane, "continue", "step-2");
    await advance(test.lane, run);
    const report = await told(test, run, ({ predicate }) => {
      if (predicate.event === "run-closed") Object.assign(predicate.detail ?? {}, { outcome: "handed-over" });
      return undefined;
    });
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_DECISION_MISMATCH"]]);
  });
});
