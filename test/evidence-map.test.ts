import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { parseEvidenceMapping } from "../src/contract/evidence-mapping.ts";
import { memoryBundle, verifyBundle } from "../src/verifier/index.ts";
import { type EvidenceMap, mapEvidence } from "../src/verifier/map-evidence.ts";
import { type SampleBundle, sampleBundle } from "./fixtures/sample-bundle.ts";

const folder = join(import.meta.dirname, "..", "mappings");
const shipped = globSync("*.yaml", { cwd: folder }).sort();

const MAPPING = parseEvidenceMapping(
  `apiVersion: witnessops/v1
kind: EvidenceMapping
id: test
version: 1.0.0
title: Test
source: https://example.test/
requirements:
  - id: R1
    requires: Calls are made.
    direct:
      - { shows: a call was answered, event: [step-executed, step-failed], contract: ["example.*"] }
    supporting:
      - { shows: a person approved, event: approval-recorded }
    gaps: [all else]
  - id: R2
    requires: What is out of scope is refused.
    direct: [{ shows: refused, event: step-denied, gate: { gate: scope, decision: deny } }]
    gaps: [all else]
  - id: R3
    requires: Intrusive calls only.
    direct: [{ shows: an intrusive call, event: step-executed, effect: [intrusive] }]
    gaps: [all else]
  - id: R5
    requires: What somebody decided.
    direct:
      - { shows: approved, event: approval-recorded, detail: { decision: approve } }
      - { shows: rejected, event: approval-recorded, detail: { decision: reject } }
    gaps: [all else]
  - id: R4
    requires: Nothing here shows this.
    direct: [{ shows: a freeze, event: freeze-began }]
    gaps: [all else]
`,
  "test.yaml",
);

let sample: SampleBundle;
beforeAll(async () => {
  sample = await sampleBundle();
});

async function mapped(trust: SampleBundle["trust"] | undefined): Promise<EvidenceMap> {
  const source = memoryBundle(sample.files);
  return mapEvidence(source, await verifyBundle(source, trust), MAPPING);
}

const of = (map: EvidenceMap, id: string) => {
  const found = map.requirements.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no requirement ${id}`);
  return found;
};

describe("evidence by requirement", () => {
  it("is direct when the bundle is valid and a call is strong proof, with receipts to follow", async () => {
    const map = await mapped(sample.trust);
    expect(map.verdict).toBe("valid");
    const calls = of(map, "R1");
    // hello, probe, busy, and the two elements of the list
    expect(calls.direct.map(({ event }) => event).sort()).toEqual([
      ...Array<string>(4).fill("step-executed"),
      "step-failed",
    ]);
    for (const { receipt } of calls.direct) expect(receipt).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(calls.supporting).toMatchObject([{ shows: "a person approved", event: "approval-recorded" }]);
    expect(calls.inferred).toMatchObject([{ statement: "the host greets everybody", confidence: "high" }]);
    expect(calls.gaps).toEqual(["all else"]);
    expect(of(map, "R2").direct.map(({ about }) => about)).toEqual([expect.stringContaining("outside")]);
    expect(of(map, "R3").direct.map(({ about }) => about)).toEqual([expect.stringContaining("probe")]);
    expect(of(map, "R5").direct).toMatchObject([{ shows: "approved", event: "approval-recorded" }]);
    expect(of(map, "R4")).toMatchObject({
      direct: [],
      gaps: ["there is no direct evidence for this in the bundle", "all else"],
    });
  });

  it("is never direct without trust", async () => {
    const map = await mapped(undefined);
    expect(of(map, "R1").inferred).toMatchObject([{ confidence: "high", supported: false }]);
    expect(map.verdict).toBe("indeterminate");
    expect(map.requirements.flatMap(({ direct }) => direct)).toEqual([]);
    expect(of(map, "R2").supporting).toMatchObject([{ because: "the bundle is indeterminate" }]);
  });

  it("drops to supporting context where a call is operational input", async () => {
    const lab = await sampleBundle({
      engagement: {
        environment: "lab",
        lab: { approver: "olga", reason: "r", boundary: "b", stopCondition: "s", dataHandling: "d" },
      },
      conclusion: false,
    });
    const source = memoryBundle(lab.files);
    const report = await verifyBundle(source, lab.trust);
    const map = await mapEvidence(source, report, MAPPING);
    const calls = of(map, "R1");
    // What was refused or approved in a lab is practice, too.
    expect(of(map, "R2")).toMatchObject({ direct: [], supporting: [{ because: "operational input: lab" }] });
    expect(report.verdict).toBe("valid");
    expect(calls.direct).toEqual([]);
    expect(calls.supporting[0]?.because).toContain("operational input: lab");
  });
});

describe("a mapping that comes with the project", () => {
  it("never takes a rejection for an approval, or what ended by itself for what a person did", async () => {
    const source = memoryBundle(sample.files);
    const report = await verifyBundle(source, sample.trust);
    for (const file of shipped) {
      const mapping = parseEvidenceMapping(readFileSync(join(folder, file), "utf8"), file);
      const selectors = mapping.requirements.flatMap((one) => [...one.direct, ...(one.supporting ?? [])]);
      for (const { shows, event, detail, gate } of selectors) {
        const events = [event].flat();
        if (events.includes("approval-recorded") && !/reject/.test(shows))
          expect([file, shows, detail]).toEqual([file, shows, { decision: "approve" }]);
        if (events.includes("step-cancelled"))
          expect([file, detail]).toEqual([file, { reason: "requested" }]);
        if (events.includes("step-paused")) expect([file, gate?.gate]).toEqual([file, "approval"]);
        expect([file, shows]).toEqual([file, expect.not.stringMatching(/complian|conform|certif|satisf/i)]);
      }
      expect((await mapEvidence(source, report, mapping)).statement).toContain("claims no conformity");
    }
  });

  it.each(shipped)("%s parses, is named like its file, and gives every requirement a gap", (file) => {
    const mapping = parseEvidenceMapping(readFileSync(join(folder, file), "utf8"), file);
    expect(mapping.id).toBe(basename(file, ".yaml"));
    expect(mapping.requirements.length).toBeGreaterThan(5);
  });

  it("refuses what is no event, and one requirement twice", () => {
    const text = readFileSync(join(folder, "dora.yaml"), "utf8");
    expect(() =>
      parseEvidenceMapping(text.replace("event: run-opened", "event: run-open"), "dora.yaml"),
    ).toThrow();
    expect(() =>
      parseEvidenceMapping(text.replaceAll("Article 24(1)", "Article 25(1)"), "dora.yaml"),
    ).toThrow(expect.objectContaining({ message: expect.stringContaining("is there twice") }));
  });
});
