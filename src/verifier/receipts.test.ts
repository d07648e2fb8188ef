import { beforeAll, describe, expect, it } from "vitest";
import { bytesOf, codes, textOf, verifyForged } from "../../test/fixtures/check-bundle.ts";
import { type Draft, type Forgery, forge, withBadSignature } from "../../test/fixtures/forge-bundle.ts";
import { type SampleBundle, sampleBundle, sampleKeys } from "../../test/fixtures/sample-bundle.ts";
import { RECEIPTS_PATH } from "../contract/proof-bundle.ts";
import { canonicalJson } from "../format/canonical-json.ts";
import { digestOfJson } from "../format/digest.ts";
import { memoryBundle, type Trust, verifyBundle } from "./index.ts";

let plain: SampleBundle;
beforeAll(async () => {
  plain = await sampleBundle({ conclusion: false });
});
const forged = (forgery: Forgery, trust?: Trust) => verifyForged(plain, forgery, trust);

describe("receipts", () => {
  const lines = (change: (list: string[]) => string[]): Forgery => ({
    files: (files) => {
      const list = textOf(files.get(RECEIPTS_PATH)).trimEnd().split("\n");
      files.set(RECEIPTS_PATH, bytesOf(`${change(list).join("\n")}\n`));
    },
  });

  it("a bad signature of a certified key is invalid, with trust and without", async () => {
    const forgery = lines((list) => list.map((line, i) => (i === 4 ? withBadSignature(line) : line)));
    expect(codes(await forged(forgery))).toEqual(["FAILURE_SIGNATURE_INVALID"]);
    const files = await forge(plain, forgery);
    expect((await verifyBundle(memoryBundle(files), undefined)).verdict).toBe("invalid");
  });

  it("the key id is only a hint: a wrong one changes nothing", async () => {
    const report = await forged(
      lines((list) =>
        list.map((line) => {
          const bundle = JSON.parse(line);
          bundle.dsseEnvelope.signatures[0].keyid = "SHA256:other";
          bundle.verificationMaterial.publicKey.hint = "SHA256:other";
          return canonicalJson(bundle);
        }),
      ),
    );
    expect(report.verdict).toBe("valid");
  });

  it("a hint that is not the signature's key id is no form of a receipt", async () => {
    const report = await forged(
      lines((list) =>
        list.map((line, i) => {
          const bundle = JSON.parse(line);
          if (i === 4) bundle.verificationMaterial.publicKey.hint = "SHA256:other";
          return canonicalJson(bundle);
        }),
      ),
    );
    expect(codes(report)).toContain("FAILURE_BUNDLE_MALFORMED");
  });

  it("a signer without certificate is unknown: indeterminate", async () => {
    const report = await forged({ signer: sampleKeys.mallory });
    expect([report.verdict, codes(report)]).toEqual(["indeterminate", []]);
  });

  it("dropped, repeated and reordered lines", async () => {
    const dropped = await forged(lines((list) => list.filter((_, i) => i !== 6)));
    expect(codes(dropped)).toEqual(
      expect.arrayContaining(["FAILURE_CONTINUITY_BROKEN", "FAILURE_COMPLETENESS"]),
    );
    const repeated = await forged(lines((list) => [...list.slice(0, 5), list[4] ?? "", ...list.slice(5)]));
    expect(codes(repeated)).toEqual(
      expect.arrayContaining(["FAILURE_CONTINUITY_BROKEN", "FAILURE_COMPLETENESS"]),
    );
    const reordered = await forged(lines((list) => [...list].reverse()));
    expect(codes(reordered)).toContain("FAILURE_CONTINUITY_BROKEN");
  });

  it("an empty line, a second signature, a log entry that this version cannot check", async () => {
    const empty = await forged(lines((list) => [...list, ""]));
    expect(codes(empty)).toEqual(["FAILURE_BUNDLE_MALFORMED"]);
    const change = (edit: (bundle: { [key: string]: never }) => void) =>
      forged(
        lines((list) =>
          list.map((line, i) => {
            if (i !== 3) return line;
            const bundle = JSON.parse(line);
            edit(bundle);
            return canonicalJson(bundle);
          }),
        ),
      );
    // biome-ignore lint/suspicious/noExplicitAny: a deliberately wrong document
    const second = await change((bundle: any) =>
      bundle.dsseEnvelope.signatures.push(bundle.dsseEnvelope.signatures[0]),
    );
    expect(codes(second)).toContain("FAILURE_BUNDLE_MALFORMED");
    // biome-ignore lint/suspicious/noExplicitAny: a deliberately wrong document
    const logged = await change((bundle: any) => bundle.verificationMaterial.tlogEntries.push({}));
    expect(codes(logged)).toContain("FAILURE_BUNDLE_MALFORMED");
  });

  it("a member that is missing, and a version that is not known", async () => {
    const first = (edit: (draft: Draft) => void): Forgery => ({
      receipt: (draft) => {
        if (draft.predicate.event === "step-failed") edit(draft);
        return undefined;
      },
    });
    const missing = await forged(first((draft) => Reflect.deleteProperty(draft.predicate, "actor")));
    expect(codes(missing)).toContain("FAILURE_REQUIRED_FIELD_MISSING");
    const later = await forged(
      first((draft) => Object.assign(draft.predicate, { schema: "witnessops/receipt/v2" })),
    );
    expect(codes(later)).toContain("FAILURE_SCHEMA_VERSION_UNSUPPORTED");
  });

  it("a run whose last receipts were left out, with all heads made to fit", async () => {
    const report = await forged({ receipt: (draft) => draft.predicate.event !== "step-skipped" });
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_COMPLETENESS"]]);
  });

  it("a closed run that the claim calls partial", async () => {
    const report = await forged({ claim: (claim) => void Object.assign(claim, { partial: true }) });
    expect(codes(report)).toEqual(["FAILURE_COMPLETENESS"]);
  });

  it("artifacts that the receipt does not bind", async () => {
    const report = await forged({
      receipt: (draft) => {
        const artifact = draft.predicate.artifacts?.[0];
        if (draft.predicate.event === "step-failed" && artifact)
          Object.assign(artifact, { digest: digestOfJson("x") });
        return undefined;
      },
    });
    expect(codes(report)).toEqual(
      expect.arrayContaining(["FAILURE_DIGEST_MISMATCH", "FAILURE_COMPLETENESS"]),
    );
  });

  it("a call without contract, invocation or gates, and a step event without its step", async () => {
    for (const part of ["contract", "invocation", "gates", "step"] as const) {
      const report = await forged({
        receipt: ({ predicate }) => {
          if (predicate.event === "step-executed" && predicate.step?.id === "hello")
            Reflect.deleteProperty(predicate, part);
          return undefined;
        },
      });
      expect([part, report.verdict, codes(report)]).toEqual([
        part,
        "invalid",
        expect.arrayContaining(["FAILURE_REQUIRED_FIELD_MISSING"]),
      ]);
    }
  });

  it("an event that its gates do not lead to", async () => {
    const report = await forged({
      receipt: ({ predicate }) => {
        if (predicate.event !== "step-denied" || predicate.invocation === undefined) return undefined;
        predicate.event = "step-skipped";
        predicate.invocation.outcome = "skipped";
        return undefined;
      },
    });
    expect([report.verdict, codes(report)]).toEqual([
      "invalid",
      ["FAILURE_REQUIRED_FIELD_MISSING", "FAILURE_DIGEST_MISMATCH", "FAILURE_DECISION_MISMATCH"],
    ]);
  });

  it("of a run in another stream that name another authorization, or exceptions that are not the run's", async () => {
    const mismatch = ["invalid", ["FAILURE_DIGEST_MISMATCH"]];
    const other = await forged({
      receipt: ({ predicate }) => {
        if (predicate.event === "run-closed") predicate.authorization = `sha256:${"0".repeat(64)}`;
        return undefined;
      },
    });
    expect([other.verdict, codes(other)]).toEqual(mismatch);
    const lab = await forged({
      receipt: ({ predicate }) => {
        if (predicate.event === "run-opened") predicate.exceptions = ["lab"];
        return undefined;
      },
    });
    expect([lab.verdict, codes(lab)]).toEqual(mismatch);
  });

  it("with a subject too many, or none that its event is about", async () => {
    const doubled = await forged({
      receipt: ({ predicate, subject }) => {
        if (predicate.event === "workspace-created")
          subject.push({ name: "more", digest: subject[0]?.digest ?? { sha256: "" } });
        return undefined;
      },
    });
    expect([doubled.verdict, codes(doubled)]).toEqual(["invalid", ["FAILURE_DIGEST_MISMATCH"]]);
    const turned = await forged({
      receipt: (draft) => {
        if (draft.predicate.event === "step-executed" && draft.predicate.step?.id === "hello")
          draft.subject.reverse();
        return undefined;
      },
    });
    expect([turned.verdict, codes(turned)]).toEqual(["invalid", ["FAILURE_REQUIRED_FIELD_MISSING"]]);
  });
});
