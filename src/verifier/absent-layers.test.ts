import { beforeAll, describe, expect, it } from "vitest";
import { codes, layerOf, verify } from "../../test/fixtures/check-bundle.ts";
import { type SampleBundle, sampleBundle, sampleTrust } from "../../test/fixtures/sample-bundle.ts";
import { transplant } from "../../test/fixtures/transplant.ts";

let sample: SampleBundle;
beforeAll(async () => {
  const steps = [{ id: "hello", uses: "example.noop@1.0.0", with: { host: "inputs.host" } }];
  sample = await sampleBundle({ steps, conclusion: false });
});

describe.each([
  ["log", "log"],
  ["time", "timestamps"],
] as const)("the layer `%s`", (name, layer) => {
  it("promised when the run opened, and absent, is invalid", async () => {
    const files = await transplant(sample, { run: (document) => void document.requiredLayers.push(name) });
    const report = await verify(files);
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_COMPLETENESS"]]);
    expect(layerOf(report, layer)?.internal).toBe("failed");
  });

  it("required by the reviewer alone, and absent, leaves the verdict open", async () => {
    const report = await verify(sample.files, sampleTrust({ require: [name] }));
    expect([report.verdict, codes(report)]).toEqual(["indeterminate", []]);
    expect(layerOf(report, layer)).toMatchObject({ internal: "not-present", anchored: "untested" });
  });

  it("asked for by nobody, is not present and no matter", async () => {
    expect(layerOf(await verify(sample.files), layer)).toMatchObject({
      internal: "not-present",
      anchored: "not-applicable",
    });
  });
});
