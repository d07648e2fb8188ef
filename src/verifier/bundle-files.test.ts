import { beforeAll, describe, expect, it } from "vitest";
import {
  bytesOf,
  codes,
  failedLayers,
  textOf,
  verify,
  verifyForged,
} from "../../test/fixtures/check-bundle.ts";
import { type Forgery, flipBit } from "../../test/fixtures/forge-bundle.ts";
import { type SampleBundle, sampleBundle } from "../../test/fixtures/sample-bundle.ts";
import { RECEIPTS_PATH } from "../contract/proof-bundle.ts";
import { memoryBundle, type Trust, tarBundle, verifyBundle } from "./index.ts";

let sample: SampleBundle;
let plain: SampleBundle;
beforeAll(async () => {
  sample = await sampleBundle();
  plain = await sampleBundle({ conclusion: false });
});
const forged = (forgery: Forgery, trust?: Trust) => verifyForged(plain, forgery, trust);

describe("files and manifest", () => {
  const anArtifact = () => [...plain.files.keys()].find((name) => name.startsWith("artifacts/")) ?? "";

  it("a swapped artifact under its old name", async () => {
    const report = await forged({ files: (files) => flipBit(files, anArtifact()) });
    expect(failedLayers(report)).toContain("artifact-set");
    expect(codes(report)).toContain("FAILURE_HASH_MISMATCH");
  });

  it("a file that the manifest lists and is absent", async () => {
    const report = await forged({ after: (files) => files.delete(anArtifact()) });
    expect(codes(report)).toEqual(["FAILURE_COMPLETENESS"]);
    expect(failedLayers(report)).toContain("manifest");
  });

  it("a manifest that is not canonical, not sorted, or of another version", async () => {
    const notCanonical = await forged({
      after: (files) => files.set("MANIFEST.json", bytesOf(`${textOf(files.get("MANIFEST.json"))}\n`)),
    });
    expect(codes(notCanonical)).toEqual(
      expect.arrayContaining(["FAILURE_BUNDLE_MALFORMED", "FAILURE_DIGEST_MISMATCH"]),
    );
    const unsorted = await forged({ manifest: (manifest) => void manifest.files.reverse() });
    expect(codes(unsorted)).toEqual(["FAILURE_BUNDLE_MALFORMED"]);
    const later = await forged({
      manifest: (manifest) => void Object.assign(manifest, { schema: "witnessops/manifest/v2" }),
    });
    expect(codes(later)).toContain("FAILURE_SCHEMA_VERSION_UNSUPPORTED");
  });

  it("a claim about another manifest", async () => {
    const report = await forged({
      claim: (_claim, subject) => void Object.assign(subject[0]?.digest ?? {}, { sha256: "0".repeat(64) }),
    });
    expect(codes(report)).toEqual(["FAILURE_DIGEST_MISMATCH"]);
  });

  it("a bundle without manifest, claim or receipts", async () => {
    for (const path of ["MANIFEST.json", "CLAIM.sigstore.json", RECEIPTS_PATH]) {
      const report = await forged({ after: (files) => files.delete(path) });
      expect([path, report.verdict, codes(report).length > 0]).toEqual([path, "invalid", true]);
    }
    expect((await verify(new Map())).verdict).toBe("invalid");
  });

  it("paths that leave the folder, and names that differ in case", async () => {
    for (const path of ["../evil", "/etc/passwd", "a/../b", "manifest.json"]) {
      const report = await forged({ after: (files) => files.set(path, bytesOf("x")) });
      expect(codes(report)).toEqual(["FAILURE_BUNDLE_MALFORMED"]);
    }
  });

  it("a tar that is cut", async () => {
    const report = await verifyBundle(tarBundle(new Uint8Array(700)), sample.trust);
    expect([report.verdict, codes(report)]).toEqual([
      "invalid",
      expect.arrayContaining(["FAILURE_BUNDLE_MALFORMED"]),
    ]);
  });

  it("more than its bounds allow", async () => {
    const report = await verifyBundle(memoryBundle(sample.files), sample.trust, { limits: { maxFiles: 3 } });
    expect(codes(report)).toContain("FAILURE_BUNDLE_MALFORMED");
    const long = await verifyBundle(memoryBundle(sample.files), sample.trust, {
      limits: { maxLineBytes: 100 },
    });
    expect(codes(long)).toContain("FAILURE_BUNDLE_MALFORMED");
  });

  it("a file that has no end, whatever size it is said to have", async () => {
    const source = memoryBundle(sample.files);
    let read = 0;
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      for (; read < 1000; read++) yield new Uint8Array(1024);
      throw new Error("nobody stopped reading");
    };
    const path = [...sample.files.keys()].find((name) => name.startsWith("artifacts/")) ?? "";
    const report = await verifyBundle(
      { list: () => source.list(), read: (name) => (name === path ? endless() : source.read(name)) },
      sample.trust,
    );
    expect([report.verdict, codes(report)]).toEqual([
      "invalid",
      expect.arrayContaining(["FAILURE_BUNDLE_MALFORMED"]),
    ]);
    expect(read).toBeLessThan(100);
  });

  it("a manifest beyond its own bound, which is not that of documents", async () => {
    const manifest = sample.files.get("MANIFEST.json")?.length ?? 0;
    const within = async (maxManifestBytes: number, maxDocumentBytes: number) =>
      verifyBundle(memoryBundle(sample.files), sample.trust, {
        limits: { maxManifestBytes, maxDocumentBytes },
      });
    const beyond = await within(manifest - 1, 1 << 24);
    expect(beyond.layers.find(({ layer }) => layer === "manifest")?.failures[0]).toMatchObject({
      code: "FAILURE_BUNDLE_MALFORMED",
      path: "MANIFEST.json",
    });
    const whole = await within(manifest, manifest - 1);
    expect(whole.layers.find(({ layer }) => layer === "manifest")).toMatchObject({ internal: "ok" });
  });
});
