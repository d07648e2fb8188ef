import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ContractError } from "./contract-error.ts";
import type { Fault } from "./fault.ts";
import { parseRunbook } from "./parse-runbook.ts";
import { findCycle } from "./step-needs.ts";
import { runbookText } from "./testing/documents.ts";

function faultsOf(text: string): readonly Fault[] {
  try {
    parseRunbook(text);
  } catch (error) {
    if (error instanceof ContractError) return error.faults;
    throw error;
  }
  throw new Error("it was accepted");
}

it("reads a runbook, frozen to the bottom", () => {
  const runbook = parseRunbook(runbookText);
  expect(runbook.steps.map(({ id }) => id)).toEqual(["first", "rest"]);
  expect(Object.isFrozen(runbook.steps[1]?.forEach)).toBe(true);
});

describe("reports", () => {
  it.each<[string, string, string, string, string]>([
    ["a step id twice", "- id: rest", "- id: first", "steps[1].id", "duplicate"],
    [
      "a need that is not there",
      "needs: [first]",
      "needs: [other]",
      "steps[1].needs[0]",
      "unknown-reference",
    ],
    ["a step that needs itself", "needs: [first]", "needs: [rest]", "steps[1].needs[0]", "cycle"],
    ["a cycle", "- id: first", "- id: first\n    needs: [rest]", "steps[0].needs", "cycle"],
    ["a `forEach` without a bound", ", max: 10,", ",", "steps[1].forEach.max", "required"],
    ["a `forEach` over the bound of bounds", "max: 10", "max: 10001", "steps[1].forEach.max", "value"],
    [
      "`each` outside a `forEach`",
      "with: { host: inputs.target }",
      "with: { host: each }",
      "steps[0].with.host",
      "cel",
    ],
    ["`each` in `when`", "steps.first.outcome ==", "each ==", "steps[1].when", "cel"],
    [
      "a step that is not there",
      "steps.first.outcome",
      "steps.last.outcome",
      "steps[1].when",
      "unknown-reference",
    ],
    [
      "a step's own outcome",
      "steps.first.outcome",
      "steps.rest.outcome",
      "steps[1].when",
      "unknown-reference",
    ],
    ["a computed step name", "steps.first.outcome", "steps[inputs.target].outcome", "steps[1].when", "cel"],
    [
      "a later step",
      "{ host: inputs.target }",
      "{ host: steps.rest.outputs.host }",
      "steps[0].with",
      "unknown-reference",
    ],
    ["a scope pattern", "host:example.com", "host:0x7f.1", "scope.include[0]", "scope-pattern"],
    ["a scope expression", "from: inputs.target", "from: target", "scope.include[1].from", "cel"],
    [
      "a reference without a version",
      "uses: tls.inspect@1.0.0",
      "uses: tls.inspect",
      "steps[0].uses",
      "value",
    ],
    ["a field that is not known", "needs: [first]", "need: [first]", "steps[1].need", "unknown-field"],
  ])("%s", (_name, old, now, path, code) => {
    expect(runbookText).toContain(old);
    const faults = faultsOf(runbookText.replace(old, now));
    expect(faults).toContainEqual(expect.objectContaining({ path, code, line: expect.any(Number) }));
  });

  it("one bad step without hiding the faults of another", () => {
    const text = runbookText
      .replace("uses: tls.inspect@1.0.0", "uses: 5")
      .replace("key: each", "key: nobody");
    expect(faultsOf(text).map(({ path }) => path)).toEqual(["steps[0].uses", "steps[1].forEach.key"]);
  });

  it("required evidence of a step that is not there", () => {
    const faults = faultsOf(`${runbookText}evidence: { require: [first/peer-chain, last/peer-chain] }\n`);
    expect(faults.map(({ path }) => path)).toEqual(["evidence.require[1]"]);
  });
});

it("has a bound on the expressions of one document", () => {
  const inputs = Array.from({ length: 1000 }, (_, i) => `      a${i}: "1"`).join("\n");
  const steps = ["a", "b", "c"].map(
    (id) => `  - id: ${id}\n    uses: example.noop@1.0.0\n    with:\n${inputs}`,
  );
  const text = runbookText.replace(/^steps:[\s\S]*/m, `steps:\n${steps.join("\n")}\n`);
  expect(faultsOf(text)).toMatchObject([{ code: "cel", message: "a document has at most 2000 expressions" }]);
});

it("findCycle finds a cycle exactly when there is no order", () => {
  const graph = fc.array(fc.array(fc.nat(7), { maxLength: 3 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(graph, (edges) => {
      const steps = edges.map((needs, index) => ({
        id: `s${index}`,
        index,
        needs: needs.filter((n) => n !== index && n < edges.length).map((n) => `s${n}`),
      }));
      // Kahn: take away what needs nothing that is left.
      let left = steps;
      for (let before = -1; before !== left.length; ) {
        before = left.length;
        left = left.filter(({ needs }) => needs.some((need) => left.some(({ id }) => id === need)));
      }
      expect(findCycle(steps) !== undefined).toBe(left.length > 0);
    }),
  );
});
