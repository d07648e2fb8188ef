import { beforeAll, describe, expect, it } from "vitest";
import { stepOf, verify, verifyForged } from "../../test/fixtures/check-bundle.ts";
import type { Draft, Forgery } from "../../test/fixtures/forge-bundle.ts";
import { type SampleBundle, sampleBundle, sampleTrust } from "../../test/fixtures/sample-bundle.ts";
import type { Trust } from "./index.ts";

let plain: SampleBundle;
beforeAll(async () => {
  plain = await sampleBundle({ conclusion: false });
});
const forged = (forgery: Forgery, trust?: Trust) => verifyForged(plain, forgery, trust);

describe("proof class: each signal removed alone", () => {
  const onHello = (edit: (draft: Draft) => void): Forgery => ({
    receipt: (draft) => {
      if (draft.predicate.event === "step-executed" && draft.predicate.step?.id === "hello") edit(draft);
      return undefined;
    },
  });

  it("contract identity", async () => {
    const report = await forged(onHello((draft) => Reflect.deleteProperty(draft.predicate, "runbook")));
    expect(stepOf(report, "hello")).toMatchObject({
      proofClass: "operational-input",
      missing: ["contract-identity"],
    });
  });

  it("invocation outcome", async () => {
    const report = await forged(
      onHello((draft) => Reflect.deleteProperty(draft.predicate.invocation?.attempts[0] ?? {}, "endedAt")),
    );
    expect([report.verdict, stepOf(report, "hello")]).toMatchObject([
      "valid",
      { proofClass: "operational-input", missing: ["invocation-outcome"] },
    ]);
  });

  it("artifact integrity", async () => {
    const report = await forged(
      onHello((draft) => {
        draft.predicate.artifacts = draft.predicate.artifacts?.filter(({ name }) => name !== "answer") ?? [];
        draft.subject = draft.subject.filter(({ name }) => !name.endsWith("/answer"));
      }),
    );
    expect([report.verdict, stepOf(report, "hello")]).toMatchObject([
      "valid",
      { proofClass: "operational-input", missing: ["artifact-integrity"] },
    ]);
  });

  it("receipt linkage", async () => {
    const report = await verify(plain.files, sampleTrust({ require: ["log"] }));
    expect(stepOf(report, "hello")).toMatchObject({
      proofClass: "operational-input",
      missing: ["receipt-linkage"],
    });
  });

  it("verification scope", async () => {
    const report = await forged(
      onHello((draft) => Reflect.deleteProperty(draft.predicate.verificationScope, "doesNotAttest")),
    );
    expect(stepOf(report, "hello")).toMatchObject({
      proofClass: "operational-input",
      missing: ["verification-scope"],
    });
  });
});
