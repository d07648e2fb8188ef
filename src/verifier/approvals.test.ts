import { beforeAll, describe, expect, it } from "vitest";
import { codes, textOf, verifyForged } from "../../test/fixtures/check-bundle.ts";
import type { Forgery } from "../../test/fixtures/forge-bundle.ts";
import { approve, type SampleBundle, sampleBundle, sampleKeys } from "../../test/fixtures/sample-bundle.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { digestOfJson, hexOf } from "../format/digest.ts";
import { envelopeDigest, envelopeToJson } from "../format/dsse.ts";
import type { Report, Trust } from "./index.ts";

let plain: SampleBundle;
beforeAll(async () => {
  plain = await sampleBundle({ conclusion: false });
});
const forged = (forgery: Forgery, trust?: Trust) => verifyForged(plain, forgery, trust);

describe("approvals", () => {
  /** Puts another approval envelope in place of anna's, wherever it is named. */
  async function withApproval(more: object, signer = sampleKeys.anna, principal = "anna"): Promise<Report> {
    const path = [...plain.files.keys()].find((name) => name.startsWith("definitions/approval/")) ?? "";
    const before = `sha256:${path.slice("definitions/approval/".length, -".json".length)}`;
    const envelope = JSON.parse(textOf(plain.files.get(path)));
    const statement = JSON.parse(atob(envelope.payload));
    const changed = await approve(signer, principal, statement.actionDigest, more);
    const after = envelopeDigest(changed);
    const swap = (facts: { digest: string; principal: string; keyId: string }[] | undefined): void => {
      for (const fact of facts ?? []) {
        if (fact.digest === before)
          Object.assign(fact, { digest: after, keyId: signer.publicKey.keyId, ...pick(more, principal) });
      }
    };
    return forged({
      gateRecord: (record) => {
        swap(record.approvals);
        const gate = record.gates.find(({ gate: name }) => name === "approval");
        const have = (gate?.facts.have ?? []) as { approval: string; principal: string }[];
        for (const one of have) Object.assign(one, { approval: after, principal });
      },
      receipt: (draft) => {
        const { predicate } = draft;
        for (const fact of predicate.approvals ?? []) {
          if (fact.digest === before)
            Object.assign(fact, { digest: after, principal, keyId: signer.publicKey.keyId });
        }
        if (predicate.event !== "approval-recorded") return undefined;
        Object.assign(predicate.detail ?? {}, { approval: after });
        draft.subject = [{ name: "approval", digest: { sha256: hexOf(after) } }];
        return undefined;
      },
      files: (files) => {
        files.delete(path);
        files.set(`definitions/approval/${hexOf(after)}.json`, canonicalBytes(envelopeToJson(changed)));
      },
    });
  }
  const pick = (more: object, principal: string) => {
    const { notAfter } = more as { notAfter?: string };
    return { principal, ...(notAfter === undefined ? {} : { notAfter }) };
  };

  it("the swap itself breaks nothing", async () => {
    const report = await withApproval({ nonce: "cd".repeat(16) });
    expect(report.reasons).toEqual([]);
    expect(report.verdict).toBe("valid");
  });

  it("for another action", async () => {
    expect(codes(await withApproval({ actionDigest: digestOfJson("other") }))).toContain(
      "FAILURE_APPROVAL_INVALID",
    );
  });

  it("signed by another key than the approver's", async () => {
    expect(codes(await withApproval({}, sampleKeys.mallory))).toContain("FAILURE_APPROVAL_INVALID");
  });

  it("that is a rejection", async () => {
    expect(codes(await withApproval({ decision: "reject" }))).toContain("FAILURE_APPROVAL_INVALID");
  });

  it("by who asked", async () => {
    expect((await withApproval({}, sampleKeys.otto, "otto")).verdict).toBe("invalid");
  });

  it("that had expired", async () => {
    expect((await withApproval({ notAfter: "2026-11-23T09:00:00.000Z" })).verdict).toBe("invalid");
  });
});
