// What a changed runbook or policy would have decided otherwise, from what a run recorded.
import { beforeAll, describe, expect, it } from "vitest";
import type { PolicySet } from "../src/contract/policy-set.ts";
import type { Runbook } from "../src/contract/runbook.ts";
import { parseJson } from "../src/format/canonical-json.ts";
import { memoryBundle, verifyBundle } from "../src/verifier/index.ts";
import { type Change, type WhatIf, type WhatIfStep, whatIf } from "../src/verifier/what-if.ts";
import { type SampleBundle, sampleBundle } from "./fixtures/sample-bundle.ts";

let sample: SampleBundle;
let runbook: Runbook;
let policies: PolicySet;
beforeAll(async () => {
  sample = await sampleBundle();
  const pinned = (kind: string) => {
    const path = [...sample.files.keys()].find((name) => name.startsWith(`definitions/${kind}/`));
    return parseJson(sample.files.get(path ?? "") ?? new Uint8Array()) as unknown;
  };
  runbook = pinned("runbook") as Runbook;
  policies = pinned("policies") as PolicySet;
});

async function ask(change: Change): Promise<WhatIf> {
  const source = memoryBundle(sample.files);
  return whatIf(source, await verifyBundle(source, sample.trust), change);
}

/** The changed steps of a runbook, by id. */
function changed(
  steps: Record<string, Partial<Runbook["steps"][number]> | null>,
  more: Partial<Runbook> = {},
) {
  return {
    ...runbook,
    version: "2.0.0",
    steps: runbook.steps.flatMap((step) => (steps[step.id] === null ? [] : [{ ...step, ...steps[step.id] }])),
    ...more,
  } as Runbook;
}

const of = ({ runs }: WhatIf, step: string): WhatIfStep => {
  const found = runs[0]?.steps.find((one) => one.step === step);
  if (found === undefined) throw new Error(`no step ${step}`);
  return found;
};
const differing = ({ runs }: WhatIf) =>
  runs[0]?.steps.filter(({ differs }) => differs).map(({ step }) => step);

describe("what if", () => {
  it("nothing is changed: every decision and outcome is the recorded one", async () => {
    const found = await ask({ runbook, policies });
    expect(found).toMatchObject({ verdict: "valid", differences: 0 });
    expect(found.runs[0]?.steps.map(({ step, outcome }) => `${step} ${outcome}`)).toEqual([
      "hello executed",
      "probe executed",
      "outside denied",
      "busy failed",
      "each executed",
      "each executed",
      "never skipped",
    ]);
  });

  it("a policy forbids what was allowed: the call is denied, and the run stops there", async () => {
    const forbid =
      'forbid (principal, action == Action::"invoke", resource) when { resource.effect == "intrusive" };';
    const strict = { ...policies, policies: { ...policies.policies, strict: forbid } } as PolicySet;
    const found = await ask({ policies: strict });
    expect(of(found, "probe")).toMatchObject({
      recorded: { outcome: "executed", decision: "allow" },
      outcome: "denied",
      gate: "policy",
      differs: true,
    });
    expect(of(found, "hello")).toMatchObject({ outcome: "executed", differs: false });
    expect(of(found, "busy")).toMatchObject({ outcome: "cancelled", differs: true });
  });

  it("the policies are none: said, not guessed around", async () => {
    const broken = { ...policies, policies: { broken: "permit (principal, action" } } as PolicySet;
    await expect(ask({ policies: broken })).rejects.toMatchObject({ code: "POLICIES_INVALID" });
  });

  it("a step demands more approval than there was: it pauses, and what follows waits", async () => {
    const gates = { approval: { quorum: 2, roles: ["approver" as const] } };
    const found = await ask({ runbook: changed({ probe: { gates } }) });
    expect(of(found, "probe")).toMatchObject({ outcome: "paused", gate: "approval", differs: true });
    expect(of(found, "busy")).toMatchObject({ outcome: "waits" });
  });

  it("a step has other inputs: no result carries over, and what reads it is not known", async () => {
    const found = await ask({
      runbook: changed({
        hello: { with: { host: "'other.example.test'" } },
        busy: { when: "steps.hello.outputs.said != ''" },
      }),
    });
    expect(of(found, "hello")).toMatchObject({ outcome: "not-recorded", decision: "allow", differs: true });
    expect(of(found, "hello").notes.join()).toContain("another action than was recorded");
    expect(of(found, "busy").outcome).toBe("waits");
  });

  it("an approved step has other inputs: the approval was for another action, and does not carry over", async () => {
    const found = await ask({ runbook: changed({ probe: { with: { host: "'other.example.test'" } } }) });
    expect(of(found, "probe")).toMatchObject({ outcome: "paused", gate: "approval", differs: true });
  });

  it("a target is within scope that was not: it would be called, and how that ends is not recorded", async () => {
    const found = await ask({ runbook: changed({ outside: { with: { host: "inputs.host" } } }) });
    expect(of(found, "outside")).toMatchObject({
      recorded: { outcome: "denied", gate: "scope" },
      outcome: "not-recorded",
      decision: "allow",
    });
  });

  it("the runbook's own scope shrinks: what was called is denied", async () => {
    const found = await ask({ runbook: changed({}, { scope: { include: ["host:b.example.test"] } }) });
    expect(of(found, "hello")).toMatchObject({ outcome: "denied", gate: "scope", differs: true });
  });

  it("a step is gone, and another is new", async () => {
    const more = changed({ never: null });
    const found = await ask({
      runbook: {
        ...more,
        steps: [...more.steps, { id: "late", uses: "example.noop@1.0.0", with: { host: "inputs.host" } }],
      } as Runbook,
    });
    expect(found.runs[0]?.gone).toEqual([expect.stringMatching(/\/never$/)]);
    expect(of(found, "late")).toMatchObject({ outcome: "not-recorded", differs: true });
    expect(of(found, "late").recorded).toBeUndefined();
    expect(found.differences).toBe(2);
    expect(differing(found)).toEqual(["late"]);
  });

  it("a contract is not in the bundle: unknown, never guessed", async () => {
    const found = await ask({ runbook: changed({ hello: { uses: "example.absent@1.0.0" } }) });
    expect(of(found, "hello")).toMatchObject({ outcome: "unknown", differs: true });
  });

  it("a failure no longer goes unheard: the rest is cancelled", async () => {
    const found = await ask({ runbook: changed({ outside: { onFailure: "stop" } }) });
    expect(of(found, "each")).toMatchObject({ outcome: "cancelled", differs: true });
  });

  it("refuses an invalid bundle, and a runbook that was never run", async () => {
    await expect(ask({ runbook: { ...runbook, id: "another" } })).rejects.toMatchObject({
      code: "FAILURE_INPUT_MALFORMED",
    });
    const files = new Map(sample.files);
    files.delete("receipts/receipts.ndjson");
    const source = memoryBundle(files);
    const report = await verifyBundle(source, sample.trust);
    await expect(whatIf(source, report, { runbook })).rejects.toThrow(/invalid/);
  });
});
