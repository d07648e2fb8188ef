import { describe, expect, it } from "vitest";
import { codes, layerOf, textOf, verify } from "../../test/fixtures/check-bundle.ts";
import { sampleBundle, sampleKeys } from "../../test/fixtures/sample-bundle.ts";
import { pathsOf, transplant } from "../../test/fixtures/transplant.ts";
import type { PolicySet } from "../contract/policy-set.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { type Digest, digestOfJson, hexOf } from "../format/digest.ts";
import { envelopeDigest, envelopeToJson } from "../format/dsse.ts";
import { signAuthorization } from "../gate/sign-authorization.ts";

describe("policies for another version of Cedar", () => {
  it("leave the decision open, and are never a mismatch", async () => {
    const steps = [{ id: "hello", uses: "example.noop@1.0.0", with: { host: "inputs.host" } }];
    const sample = await sampleBundle({ steps, conclusion: false });
    const read = (kind: Parameters<typeof pathsOf>[1]) =>
      JSON.parse(textOf(sample.files.get(pathsOf(sample.files, kind)[0] ?? "")));
    const policies: PolicySet = read("policies");
    const later = { ...policies, language: { name: "cedar", version: "9.9" } };
    const engagement = read("engagement");
    const digests = [engagement, read("principals"), later, read("catalog-lock")].map(digestOfJson);
    const record = await signAuthorization(
      sampleKeys.olga,
      engagement,
      digests as [Digest, Digest, Digest, Digest],
      "2026-11-23T10:00:00.000Z",
    );
    const donor = {
      ...sample,
      files: new Map([
        [`definitions/policies/${hexOf(digestOfJson(later))}.json`, canonicalBytes(later)],
        [
          `definitions/authorization/${hexOf(envelopeDigest(record))}.json`,
          canonicalBytes(envelopeToJson(record)),
        ],
      ]),
    };
    const files = await transplant(sample, {
      definitions: [
        ["policies", donor],
        ["authorization", donor],
      ],
    });
    const report = await verify(files);
    expect([report.verdict, codes(report)]).toEqual(["indeterminate", []]);
    expect(layerOf(report, "re-decision")).toMatchObject({
      internal: "indeterminate",
      anchored: "untested",
    });
  });
});
