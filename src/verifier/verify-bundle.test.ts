import { beforeAll, describe, expect, it } from "vitest";
import { bytesOf, codes, layerOf, stepOf, verify, verifyForged } from "../../test/fixtures/check-bundle.ts";
import { type Forgery, flipBit, forge } from "../../test/fixtures/forge-bundle.ts";
import { type SampleBundle, sampleBundle } from "../../test/fixtures/sample-bundle.ts";
import { collectBytes } from "../format/byte-source.ts";
import { digestOfJson } from "../format/digest.ts";
import { writeTar } from "../format/tar.ts";
import { memoryBundle, type Trust, tarBundle, verifyBundle } from "./index.ts";

let sample: SampleBundle;
let plain: SampleBundle;
beforeAll(async () => {
  sample = await sampleBundle();
  plain = await sampleBundle({ conclusion: false });
});
const forged = (forgery: Forgery, trust?: Trust) => verifyForged(plain, forgery, trust);

describe("an honest bundle", () => {
  it("is valid by an honest reviewer's trust, with a class for each step that was called", async () => {
    const report = await verify(sample.files);
    expect(report.reasons).toEqual([]);
    expect(report.verdict).toBe("valid");
    expect(report.steps.map(({ id, outcome, proofClass }) => [id, outcome, proofClass])).toEqual([
      ["hello", "executed", "strong-proof"],
      ["probe", "executed", "strong-proof"],
      ["outside", "denied", undefined],
      ["busy", "failed", "strong-proof"],
      ["each", "executed", "strong-proof"],
      ["each", "executed", "strong-proof"],
      ["never", "skipped", undefined],
    ]);
    expect(report.denied).toMatchObject([
      { targets: ["host:secret.example.test"], gate: "scope", reason: "excluded" },
    ]);
    expect(report.inferred).toMatchObject([{ confidence: "high", supported: true }]);
    expect(report.assumptions.map(({ id }) => id)).toEqual(["T1", "T2", "T3", "T4", "T5", "T6"]);
    expect(stepOf(report, "hello")?.observed?.outputs).toEqual({ said: "hello www.example.test" });
  });

  it("reports each layer in order, none skipped", async () => {
    const report = await verify(sample.files);
    expect(report.layers.map((one) => [one.layer, one.internal, one.anchored])).toEqual([
      ["artifact-set", "ok", "not-applicable"],
      ["manifest", "ok", "not-applicable"],
      ["signatures", "ok", "established"],
      ["structure", "ok", "not-applicable"],
      ["timestamps", "not-present", "not-applicable"],
      ["log", "not-present", "not-applicable"],
      ["continuity", "ok", "untested"],
      ["authorization", "ok", "established"],
      ["re-decision", "ok", "established"],
      ["proof-class", "ok", "not-applicable"],
      ["conclusions", "ok", "established"],
    ]);
  });

  it("is the same in one tar", async () => {
    const files = [...sample.files].map(([path, content]) => ({
      path,
      size: content.length,
      read: () =>
        (async function* () {
          yield content;
        })(),
    }));
    const tar = await collectBytes(writeTar(files), 1 << 24);
    expect(await verifyBundle(tarBundle(tar), sample.trust)).toEqual(await verify(sample.files));
  });

  it("is indeterminate without trust, and nothing in it is strong proof", async () => {
    const report = await verifyBundle(memoryBundle(sample.files), undefined);
    expect(report.verdict).toBe("indeterminate");
    expect(report.steps.some(({ proofClass }) => proofClass === "strong-proof")).toBe(false);
    expect(report.inferred).toMatchObject([{ confidence: "high", supported: false }]);
    expect(layerOf(report, "signatures")).toMatchObject({ internal: "ok", anchored: "untested" });
  });

  it("is made the same by the forger who forges nothing", async () => {
    expect((await forged({})).verdict).toBe("valid");
  });

  it("lists and ignores files that the manifest does not name", async () => {
    const files = new Map(sample.files).set("notes.txt", bytesOf("hello"));
    const report = await verify(files);
    expect(report.verdict).toBe("valid");
    expect(report.ignoredFiles).toEqual(["notes.txt"]);
  });

  it("is valid and says partial while its run is open", async () => {
    const open = await sampleBundle({ open: true });
    const report = await verify(open.files);
    expect([report.verdict, report.partial, layerOf(report, "continuity")?.internal]).toEqual([
      "valid",
      true,
      "partial",
    ]);
    expect(stepOf(report, "probe")).toMatchObject({ outcome: "paused" });
  });

  it("is operational input from a lab, whatever else holds", async () => {
    const terms = { approver: "olga", reason: "r", boundary: "b", stopCondition: "s", dataHandling: "d" };
    const lab = await sampleBundle({ engagement: { environment: "lab", lab: terms }, conclusion: false });
    const report = await verify(lab.files);
    expect(report.verdict).toBe("valid");
    expect(stepOf(report, "hello")).toMatchObject({
      proofClass: "operational-input",
      missing: [],
      reasons: ["lab"],
    });
    expect(report.inferred).toEqual([]);
  });
});

describe("without any trust", () => {
  const untrusted = async (forgery: Forgery) =>
    verifyBundle(memoryBundle(await forge(plain, forgery)), undefined);

  it("a changed artifact byte is invalid", async () => {
    const path = [...sample.files.keys()].find((name) => name.startsWith("artifacts/")) ?? "";
    const files = new Map(sample.files);
    flipBit(files, path);
    const report = await verifyBundle(memoryBundle(files), undefined);
    expect([report.verdict, codes(report)]).toEqual([
      "invalid",
      expect.arrayContaining(["FAILURE_HASH_MISMATCH"]),
    ]);
  });

  it("a broken chain is invalid", async () => {
    const report = await untrusted({
      receipt: (draft) => {
        if (draft.predicate.event === "step-failed") draft.predicate.ledger.prevHash = digestOfJson("other");
        return undefined;
      },
      keepChain: true,
    });
    expect(report.verdict).toBe("invalid");
    expect(codes(report)).toContain("FAILURE_CONTINUITY_BROKEN");
  });
});
