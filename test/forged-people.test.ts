// What a server with every issuer key makes of people's words: rejections left out, approvals and resolutions put in
// other places, conclusions told of other runs. It does not hold their keys.
import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { AdapterOutcome } from "../src/adapter/adapter.ts";
import { canonicalBytes } from "../src/format/canonical-json.ts";
import { hexOf } from "../src/format/digest.ts";
import { type Envelope, envelopeDigest, envelopeToJson } from "../src/format/dsse.ts";
import { type Signer, signEnvelope } from "../src/format/signer.ts";
import { RESOLUTION_PAYLOAD_TYPE } from "../src/format/statement.ts";
import { advance } from "../src/run/advance.ts";
import type { Trust } from "../src/verifier/index.ts";
import { codes, textOf, verify } from "./fixtures/check-bundle.ts";
import { exampleContract } from "./fixtures/contracts.ts";
import { type Forgery, forge, readDrafts, withDrafts } from "./fixtures/forge-bundle.ts";
import { exported, open, resolve, scripted, start } from "./fixtures/real-run.ts";
import { approve, type SampleBundle, sampleBundle, sampleKeys } from "./fixtures/sample-bundle.ts";
import { hexIn, pathsOf, transplant } from "./fixtures/transplant.ts";

const host = { host: "inputs.host" };
const hello = { id: "hello", uses: "example.noop@1.0.0", with: host };
const probe = { id: "probe", uses: "example.probe@1.0.0", with: host };
const folder = (kind: string, envelope: Envelope): [string, Uint8Array] => [
  `definitions/${kind}/${hexOf(envelopeDigest(envelope))}.json`,
  canonicalBytes(envelopeToJson(envelope)),
];

describe("approvals", () => {
  it("a rejection of the same action that the gates did not see", async () => {
    const sample = await sampleBundle({ steps: [hello, probe], conclusion: false });
    const actionDigest =
      readDrafts(sample.files).find(({ predicate }) => predicate.event === "step-paused")?.predicate
        .invocation?.actionDigest ?? "";
    const rejection = await approve(sampleKeys.anna, "anna", actionDigest, {
      decision: "reject",
      nonce: "ef".repeat(16),
    });
    const digest = envelopeDigest(rejection);
    const rejected = withDrafts(sample, (drafts) =>
      drafts.flatMap((draft) => {
        if (draft.predicate.event !== "approval-recorded") return [draft];
        const another = structuredClone(draft);
        another.subject = [{ name: "approval", digest: { sha256: hexOf(digest) } }];
        Object.assign(another.predicate, {
          receiptId: "d".repeat(32),
          approvals: [{ ...draft.predicate.approvals?.[0], digest, decision: "reject" }],
          detail: { approval: digest, decision: "reject" },
        });
        return [draft, another];
      }),
    );
    const files = await forge(rejected, { files: (all) => void all.set(...folder("approval", rejection)) });
    const report = await verify(files);
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_APPROVAL_INVALID"]]);
    expect(report.reasons.join()).toContain("did not see the rejection by `anna`");
  });

  it("one that was used for a call and is used for another", async () => {
    const second = { ...probe, id: "second", needs: ["hello"] };
    const third = { ...probe, id: "third", needs: ["hello"] };
    const sample = await sampleBundle({ steps: [hello, second, third], conclusion: false });
    const [first = "", other = ""] = pathsOf(sample.files, "approval").map(hexIn);
    const report = await verify(await transplant(sample, { instead: new Map([[other, first]]) }));
    expect(report.verdict).toBe("invalid");
    expect(codes(report)).toContain("FAILURE_APPROVAL_INVALID");
  });
});

describe("resolutions", () => {
  const silent: AdapterOutcome = {
    ok: false,
    fault: { code: "ECONNRESET", phase: "response", message: "gone" },
  };

  async function settled(engagement: object = {}, principal: "anna" | "otto" = "anna") {
    const contract = exampleContract({ effect: "write" }, { adapter: "scripted", idempotency: "unsafe" });
    const test = await open([contract], [scripted(silent)], engagement);
    const run = await start(test);
    await advance(test.lane, run);
    await resolve(test, run, test.lane, "executed", "step-1", principal);
    await advance(test.lane, run);
    const files = await exported(test.lane, [run]);
    /** The same with a resolution by somebody else, or that says something else. */
    const retold = async (signer: Signer, change: object): Promise<Map<string, Uint8Array>> => {
      const [path = ""] = pathsOf(files, "resolution");
      const statement = JSON.parse(atob(JSON.parse(textOf(files.get(path))).payload));
      const nonce = randomBytes(16).toString("hex");
      const bytes = canonicalBytes({ ...statement, nonce, ...change });
      const [instead, content] = folder(
        "resolution",
        await signEnvelope(signer, bytes, RESOLUTION_PAYLOAD_TYPE),
      );
      const sample = { files, trust: test.trust, run } as unknown as SampleBundle;
      const forgery: Forgery = { signer: test.lane.signer, files: (all) => void all.set(instead, content) };
      return transplant(sample, { instead: new Map([[hexIn(path), hexIn(instead)]]) }, forgery);
    };
    return { test, files, retold };
  }

  it("told again by the same person break nothing", async () => {
    const { test, retold } = await settled();
    expect((await verify(await retold(test.people.approver, {}), test.trust)).reasons).toEqual([]);
  });

  it("signed with another key, or for another action, attempt or invocation", async () => {
    const { test, retold } = await settled();
    const { approver, operator } = test.people;
    const cases: [Signer, object, string][] = [
      [sampleKeys.mallory, {}, "FAILURE_SIGNATURE_INVALID"],
      [operator, {}, "FAILURE_SIGNATURE_INVALID"],
      [approver, { actionDigest: `sha256:${"0".repeat(64)}` }, "FAILURE_DIGEST_MISMATCH"],
      [approver, { attempt: 2 }, "FAILURE_DIGEST_MISMATCH"],
      [approver, { invocation: "other/step-1" }, "FAILURE_DIGEST_MISMATCH"],
      [approver, { finding: "failed" }, "FAILURE_DIGEST_MISMATCH"],
    ];
    for (const [signer, change, code] of cases) {
      const report = await verify(await retold(signer, change), test.trust);
      expect([change, report.verdict, codes(report)]).toEqual([change, "invalid", [code]]);
    }
  });

  it("that a receipt ascribes to somebody else", async () => {
    const { test, files } = await settled();
    const sample = { files, trust: test.trust } as unknown as SampleBundle;
    const told = await forge(sample, {
      signer: test.lane.signer,
      receipt: ({ predicate }) => {
        if (predicate.event === "step-resolved") Object.assign(predicate.actor, { principal: "olga" });
        return undefined;
      },
    });
    const report = await verify(told, test.trust);
    expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_DIGEST_MISMATCH"]]);
  });

  it("by somebody whom the reviewer does not list, lists with another key, another role, or a key on the host", async () => {
    const { test, files } = await settled();
    const { principals } = test.trust;
    const key = (signer: Signer, custody: "held" | "local") => {
      const publicKey = Buffer.from(signer.publicKey.spki).toString("base64");
      return { keys: [{ publicKey, custody }] };
    };
    const anna = (change: object): Trust => ({
      ...test.trust,
      principals: principals.map((one) => (one.id === "anna" ? { ...one, ...change } : one)),
    });
    const others = { ...test.trust, principals: principals.filter(({ id }) => id !== "anna") };
    expect((await verify(files, others)).verdict).toBe("indeterminate");
    for (const change of [
      key(sampleKeys.mallory, "held"),
      key(test.people.approver, "local"),
      { roles: ["system"] },
    ]) {
      const report = await verify(files, anna(change));
      expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_APPROVAL_INVALID"]]);
    }
  });

  it("by somebody who is not in the engagement, though known", async () => {
    const two = [
      { id: "olga", roles: ["owner"] },
      { id: "otto", roles: ["operator"] },
    ];
    const { test, retold } = await settled({ principals: two }, "otto");
    const { operator, approver } = test.people;
    expect((await verify(await retold(operator, {}), test.trust)).reasons).toEqual([]);
    const report = await verify(await retold(approver, { principal: "anna" }), test.trust);
    expect([report.verdict, codes(report)]).toEqual([
      "invalid",
      ["FAILURE_DIGEST_MISMATCH", "FAILURE_APPROVAL_INVALID"],
    ]);
  });
});

describe("conclusions", () => {
  it("whose receipt names another run than their signer", async () => {
    const sample = await sampleBundle();
    for (const run of ["other", undefined]) {
      const files = await forge(sample, {
        receipt: ({ predicate }) => {
          if (predicate.event !== "conclusion-recorded") return undefined;
          if (run === undefined) Reflect.deleteProperty(predicate, "run");
          else predicate.run = run;
          return undefined;
        },
      });
      const report = await verify(files);
      expect([run, report.verdict, codes(report)]).toEqual([run, "invalid", ["FAILURE_DIGEST_MISMATCH"]]);
    }
  });
});
