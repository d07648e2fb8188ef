import { beforeAll, describe, expect, it } from "vitest";
import { codes, failedLayers, verify, verifyForged } from "../../test/fixtures/check-bundle.ts";
import { type Forgery, forge } from "../../test/fixtures/forge-bundle.ts";
import { type SampleBundle, sampleBundle } from "../../test/fixtures/sample-bundle.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { type Digest, digestOf, digestOfJson, hexOf } from "../format/digest.ts";
import type { Trust } from "./index.ts";

let plain: SampleBundle;
beforeAll(async () => {
  plain = await sampleBundle({ conclusion: false });
});
const forged = (forgery: Forgery, trust?: Trust) => verifyForged(plain, forgery, trust);

describe("deciding again", () => {
  const relabel = (edit: (record: { [key: string]: never }) => void): Forgery => ({
    gateRecord: (record) => {
      // biome-ignore lint/suspicious/noExplicitAny: a deliberately wrong document
      if (record.action.step === "hello") edit(record as any);
    },
  });

  it("finds a gate that recorded another decision", async () => {
    const report = await forged({
      gateRecord: (record) => {
        const scope = record.gates.find(({ gate }) => gate === "scope");
        if (record.action.step === "hello" && scope) Object.assign(scope, { facts: { seen: "nothing" } });
      },
    });
    expect([report.verdict, codes(report), failedLayers(report)]).toEqual([
      "invalid",
      ["FAILURE_DECISION_MISMATCH"],
      ["re-decision"],
    ]);
  });

  it("does not take outputs for decided again whose captured result is too large to be read", async () => {
    for (const [size, wanted] of [
      [1024, ["FAILURE_DECISION_MISMATCH"]],
      [16 * 1024 ** 2, ["FAILURE_BUNDLE_MALFORMED"]],
    ] as const) {
      let path = "";
      let padded = new Uint8Array();
      const report = await forged({
        receipt: ({ predicate, subject }) => {
          const artifact = predicate.artifacts?.find(({ id }) => id.endsWith("/hello/1/result"));
          if (artifact === undefined || predicate.invocation?.outputs === undefined) return undefined;
          const bytes = plain.files.get(`artifacts/sha256/${hexOf(artifact.digest as Digest)}`);
          const captured = JSON.parse(new TextDecoder().decode(bytes));
          captured.result.padding = "x".repeat(size);
          padded = canonicalBytes(captured);
          const digest = digestOf(padded);
          path = `artifacts/sha256/${hexOf(digest)}`;
          for (const one of subject) if (one.name === artifact.id) one.digest.sha256 = hexOf(digest);
          Object.assign(artifact, { digest, size: padded.length });
          predicate.invocation.outputs = { said: "access granted" };
          return undefined;
        },
        files: (files) => void files.set(path, padded),
      });
      expect([size, report.verdict, codes(report), failedLayers(report)]).toEqual([
        size,
        "invalid",
        wanted,
        ["re-decision"],
      ]);
    }
  });

  it("finds an action document that does not follow from the runbook", async () => {
    const report = await forged(
      relabel((record) => {
        // biome-ignore lint/suspicious/noExplicitAny: a deliberately wrong document
        const changed = record as any;
        changed.action.inputs.host = "other.example.test";
        changed.action.subjects[0].value = "other.example.test";
        changed.actionDigest = digestOfJson(changed.action);
      }),
    );
    expect(codes(report)).toEqual(["FAILURE_DECISION_MISMATCH"]);
  });

  it("finds a call of what the engagement excludes", async () => {
    const widened = await sampleBundle({
      engagement: { scope: { include: ["host:*.example.test"] } },
      conclusion: false,
    });
    expect((await verify(widened.files)).verdict).toBe("valid");
    // The same run, but pinned to the engagement that the owner really signed.
    const engagement = [...plain.files].find(([path]) => path.startsWith("definitions/engagement/"));
    const files = await forge(widened, {
      files: (all) => {
        const path = [...all.keys()].find((name) => name.startsWith("definitions/engagement/")) ?? "";
        all.delete(path);
        if (engagement) all.set(engagement[0], engagement[1]);
      },
    });
    expect((await verify(files)).verdict).toBe("invalid");
  });

  it("finds outputs and error classes that the captured result does not give", async () => {
    const outputs = await forged({
      receipt: (draft) => {
        if (draft.predicate.step?.id === "hello" && draft.predicate.invocation) {
          draft.predicate.invocation.outputs = { said: "all is well" };
        }
        return undefined;
      },
    });
    expect([outputs.verdict, codes(outputs)]).toEqual(["invalid", ["FAILURE_DECISION_MISMATCH"]]);
    const errors = await forged({
      receipt: (draft) => {
        const { invocation } = draft.predicate;
        if (draft.predicate.event !== "step-failed" || invocation === undefined) return undefined;
        invocation.errorClass = "TIMEOUT";
        for (const attempt of invocation.attempts) attempt.errorClass = "TIMEOUT";
        return undefined;
      },
    });
    expect(codes(errors)).toEqual(["FAILURE_DECISION_MISMATCH"]);
  });

  it("finds an expansion and a skip that the expressions do not give", async () => {
    const expanded = await forged({
      receipt: (draft) => {
        const { event, detail } = draft.predicate;
        if (event !== "step-expanded" || detail === undefined) return undefined;
        Object.assign(detail, { elements: ["c.example.test", "b.example.test"] });
        draft.subject = [{ name: "detail", digest: { sha256: hexOf(digestOfJson(detail)) } }];
        return undefined;
      },
    });
    expect(codes(expanded)).toContain("FAILURE_DECISION_MISMATCH");
  });
});
