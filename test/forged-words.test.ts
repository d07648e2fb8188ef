// Receipts that record people's words, told by a server with every issuer key: with the word itself left out, relabelled,
// or never signed; and receipts that call themselves a read-back's to escape the order of the run.
import { describe, expect, it } from "vitest";
import { hexOf } from "../src/format/digest.ts";
import { envelopeDigest } from "../src/format/dsse.ts";
import { advance } from "../src/run/advance.ts";
import { recordApproval } from "../src/run/record-approval.ts";
import { viewRun } from "../src/run/view-run.ts";
import { codes } from "./fixtures/check-bundle.ts";
import { exampleContract, exampleRunbook } from "./fixtures/contracts.ts";
import type { Draft } from "./fixtures/forge-bundle.ts";
import { signApproval, type TestLane } from "./fixtures/lane.ts";
import { judge, open, retold, start, VALID, verdict } from "./fixtures/real-run.ts";
import { approve } from "./fixtures/sample-bundle.ts";

const asks = exampleContract({
  effect: "intrusive",
  authority: { roles: ["operator"], approval: "designated" },
});

async function approved(): Promise<{ test: TestLane; run: string }> {
  const test = await open([asks]);
  const run = await start(test);
  await advance(test.lane, run);
  const actionDigest = viewRun(test.lane, run).steps[0]?.waitingFor?.actionDigest ?? "";
  await recordApproval(
    test.lane,
    run,
    await signApproval(test.people.approver, { principal: "anna", actionDigest }),
  );
  await advance(test.lane, run);
  expect(verdict(await judge(test, [run]))).toEqual(VALID);
  return { test, run };
}

const record = (change: (draft: Draft) => void) => (draft: Draft) => {
  if (draft.predicate.event === "approval-recorded") change(draft);
  return undefined;
};

describe("a receipt of somebody's word", () => {
  it("whose word is not in the bundle, and which became a rejection", async () => {
    const { test, run } = await approved();
    const digest = `sha256:${"7".repeat(64)}`;
    const report = await retold(test, [run], {
      receipt: record(({ predicate, subject }) => {
        Object.assign(subject[0] ?? {}, { digest: { sha256: hexOf(digest as `sha256:${string}`) } });
        Object.assign(predicate, {
          detail: { approval: digest, decision: "reject" },
          approvals: [{ ...predicate.approvals?.[0], digest, decision: "reject" }],
        });
      }),
    });
    expect(report.verdict).toBe("invalid");
    expect(report.reasons.join("\n")).toContain("what `approval-recorded` records is absent");
  });

  it.each([
    [
      "another decision",
      ({ predicate }: Draft) => Object.assign(predicate.detail ?? {}, { decision: "reject" }),
    ],
    ["another person", ({ predicate }: Draft) => Object.assign(predicate.actor, { principal: "otto" })],
    [
      "another key",
      ({ predicate }: Draft) =>
        Object.assign(predicate.approvals?.[0] ?? {}, { keyId: `sha256:${"0".repeat(64)}` }),
    ],
  ])("that names %s than its bytes", async (_, change) => {
    const { test, run } = await approved();
    const report = await retold(test, [run], { receipt: record(change) });
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_DIGEST_MISMATCH"]]);
  });

  it("that nobody of the run signed", async () => {
    const { test, run } = await approved();
    const actionDigest = viewRun(test.lane, run).steps[0]?.invocation;
    const forged = await approve(test.people.operator, "anna", `sha256:${"1".repeat(64)}`, {
      decision: "reject",
      nonce: "ab".repeat(16),
    });
    expect(actionDigest).toBe(`${run}/step-1`);
    const digest = envelopeDigest(forged);
    const report = await retold(test, [run], {
      receipt: record(({ predicate, subject }) => {
        Object.assign(subject[0] ?? {}, { digest: { sha256: hexOf(digest) } });
        Object.assign(predicate, {
          detail: { approval: digest, decision: "reject" },
          approvals: [{ ...predicate.approvals?.[0], digest, decision: "reject" }],
        });
      }),
      files: (files) => {
        const [path = ""] = [...files.keys()].filter((one) => one.startsWith("definitions/approval/"));
        files.delete(path);
        const text = JSON.stringify({
          payload: Buffer.from(forged.payload).toString("base64"),
          payloadType: forged.payloadType,
          signatures: [
            { keyid: forged.signature.keyId, sig: Buffer.from(forged.signature.sig).toString("base64") },
          ],
        });
        files.set(`definitions/approval/${hexOf(digest)}.json`, new TextEncoder().encode(text));
      },
    });
    expect(report.verdict).toBe("invalid");
    expect(report.reasons.join("\n")).toContain("what `approval-recorded` records does not hold");
  });
});

describe("a receipt that calls itself a read-back's", () => {
  const steps = [
    {
      id: "each",
      uses: "example.noop@1.0.0",
      with: { host: "each" },
      forEach: { in: "['a.example.test', 'b.example.test']", max: 5, key: "each" },
    },
  ];
  const scope = { include: ["host:*.example.test"] };

  it.each(["step-expanded", "step-executed"])("is refused on `%s`", async (event) => {
    const test = await open([exampleContract()]);
    const run = await start(test, exampleRunbook({ steps, scope }));
    await advance(test.lane, run);
    const report = await retold(test, [run], {
      receipt: ({ predicate }) => {
        const { step, detail } = predicate;
        if (predicate.event === event) Object.assign(step ?? {}, { readBack: 1 });
        if (predicate.event === "step-expanded" && event === "step-expanded") {
          const { keys, elements } = detail as { keys: string[]; elements: string[] };
          Object.assign(detail ?? {}, { keys: keys.slice(0, 1), elements: elements.slice(0, 1) });
        }
        return step?.key !== "b.example.test" || event !== "step-expanded";
      },
    });
    expect(report.verdict).toBe("invalid");
    expect(codes(report)).toContain("FAILURE_DECISION_MISMATCH");
    expect(report.reasons.join("\n")).toMatch(/is about no read-back|about a doubt/);
  });

  it("is refused as the denial of a step that was never expanded", async () => {
    const bad = [{ ...steps[0], forEach: { in: "['a.example.test', 'a.example.test']", max: 1 } }];
    const test = await open([exampleContract()]);
    const run = await start(test, exampleRunbook({ steps: bad as typeof steps, scope }));
    await advance(test.lane, run);
    const report = await retold(test, [run], {
      receipt: ({ predicate }) => {
        if (predicate.event === "step-denied") Object.assign(predicate.step ?? {}, { readBack: 1 });
        return undefined;
      },
    });
    expect(report.verdict).toBe("invalid");
    expect(report.reasons.join("\n")).toContain("a read-back is about a doubt, and there is none");
  });
});
