import { describe, expect, it } from "vitest";
import { codes, layerOf, verify } from "../../test/fixtures/check-bundle.ts";
import { forge } from "../../test/fixtures/forge-bundle.ts";
import { sampleBundle, sampleKeys, sampleTrust } from "../../test/fixtures/sample-bundle.ts";
import { evaluateCel } from "../contract/cel.ts";
import { withCelBudget } from "../contract/cel-budget.ts";
import { memoryBundle, verifyBundle } from "./index.ts";

const list = `[${Array.from({ length: 100 }, (_, i) => i).join(",")}]`;
const heavy = `${list}.all(x, ${list}.all(y, x + y >= 0))`;
const step = { id: "hello", uses: "example.noop@1.0.0", with: { host: "inputs.host" } };

describe("the work of a verification", () => {
  it("has one budget for all expressions; used up, it leaves the decision open", async () => {
    const steps = [1, 2, 3].map((n) => ({ ...step, id: `step-${n}`, when: heavy }));
    const { files } = await sampleBundle({ steps, conclusion: false });
    expect((await verify(files)).verdict).toBe("valid");
    const report = await verifyBundle(memoryBundle(files), sampleTrust(), {
      limits: { maxCelSteps: 100_000 },
    });
    expect([report.verdict, codes(report)]).toEqual(["indeterminate", []]);
    expect(layerOf(report, "re-decision")?.doubts.join()).toContain("too much work");
  });

  it("is not done for a claim that no certified key signed", async () => {
    const sample = await sampleBundle({ steps: [{ ...step, when: heavy }], conclusion: false });
    const files = await forge(sample, {
      signer: sampleKeys.mallory,
      receipt: ({ predicate }) => {
        if (predicate.invocation?.outputs) predicate.invocation.outputs = { said: "all is well" };
        return undefined;
      },
    });
    const report = await verify(files);
    expect([report.verdict, codes(report)]).toEqual(["indeterminate", []]);
    expect(layerOf(report, "re-decision")?.doubts.join()).toContain("nothing was decided again");
  });
});

describe("withCelBudget", () => {
  it("charges evaluations, and ends when it is used up", () => {
    const budget = { left: 10_000 };
    expect(withCelBudget(budget, () => evaluateCel("1 + 1", {}))).toEqual({ ok: true, value: 2 });
    expect(budget.left).toBeLessThan(10_000);
    expect(() => withCelBudget(budget, () => evaluateCel(heavy, {}))).toThrow("used up");
    expect(() => withCelBudget(budget, () => "nothing")).toThrow("used up");
    expect(evaluateCel(heavy, {})).toEqual({ ok: true, value: true });
  });
});
