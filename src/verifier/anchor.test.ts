import { beforeAll, describe, expect, it } from "vitest";
import { codes, layerOf, textOf, verify } from "../../test/fixtures/check-bundle.ts";
import {
  keyFromName,
  type SampleBundle,
  sampleBundle,
  sampleKeys,
  sampleTrust,
} from "../../test/fixtures/sample-bundle.ts";
import { digestOfJson } from "../format/digest.ts";
import { publicKeyText } from "../format/public-key.ts";
import { cedarLanguageVersion } from "../gate/cedar-language.ts";
import type { Trust } from "./index.ts";

let plain: SampleBundle;
beforeAll(async () => {
  plain = await sampleBundle({ conclusion: false });
});

describe("trust", () => {
  it("anchors continuity at the heads that the reviewer has seen", async () => {
    const head = (await verify(plain.files)).runs.length;
    expect(head).toBe(1);
    const stream = "engagement:acme";
    const claim = JSON.parse(textOf(plain.files.get("CLAIM.sigstore.json")));
    const { streams } = JSON.parse(atob(claim.dsseEnvelope.payload)).predicate;
    const { seq, digest } = streams[stream];
    const seen = await verify(plain.files, sampleTrust({ streams: { [stream]: { seq, digest } } }));
    expect([seen.verdict, layerOf(seen, "continuity")?.anchored]).toEqual(["valid", "established"]);
    const other = await verify(
      plain.files,
      sampleTrust({ streams: { [stream]: { seq, digest: digestOfJson("other") } } }),
    );
    expect([other.verdict, codes(other)]).toEqual(["invalid", ["FAILURE_CONTINUITY_BROKEN"]]);
    const rolledBack = await verify(
      plain.files,
      sampleTrust({ streams: { [stream]: { seq: seq + 1, digest } } }),
    );
    expect(codes(rolledBack)).toEqual(["FAILURE_CONTINUITY_BROKEN"]);
  });

  it("a layer that only the reviewer requires leaves the verdict open", async () => {
    for (const name of ["log", "time"] as const) {
      const report = await verify(plain.files, sampleTrust({ require: [name] }));
      expect([report.verdict, codes(report)]).toEqual(["indeterminate", []]);
    }
  });

  it("another root, another owner, a key on the host, an owner who is none", async () => {
    const root = { name: "other", publicKey: publicKeyText(sampleKeys.mallory.publicKey) };
    expect((await verify(plain.files, sampleTrust({ issuerRoots: [root] }))).verdict).toBe("indeterminate");
    const change = (id: string, edit: (principal: Trust["principals"][number]) => object): Trust =>
      sampleTrust({
        principals: sampleTrust().principals.map((one) => (one.id === id ? { ...one, ...edit(one) } : one)),
      });
    const without = sampleTrust({ principals: sampleTrust().principals.filter(({ id }) => id !== "olga") });
    expect((await verify(plain.files, without)).verdict).toBe("indeterminate");
    const otherKey = { publicKey: publicKeyText(sampleKeys.mallory.publicKey), custody: "held" as const };
    const wrong = await verify(
      plain.files,
      change("olga", () => ({ keys: [otherKey] })),
    );
    expect([wrong.verdict, codes(wrong)]).toEqual(["invalid", ["FAILURE_SIGNATURE_INVALID"]]);
    const local = await verify(
      plain.files,
      change("olga", ({ keys }) => ({ keys: keys.map((key) => ({ ...key, custody: "local" })) })),
    );
    expect(local.verdict).toBe("indeterminate");
    const noOwner = await verify(
      plain.files,
      change("olga", () => ({ roles: ["operator"] })),
    );
    expect(noOwner.verdict).toBe("indeterminate");
    const expired = await verify(
      plain.files,
      change("olga", ({ keys }) => ({
        keys: keys.map((key) => ({ ...key, notAfter: "2026-01-01T00:00:00Z" })),
      })),
    );
    expect(codes(expired)).toEqual(["FAILURE_SIGNATURE_INVALID"]);
  });

  it("takes pinned digests as authority", async () => {
    const document = JSON.parse(
      textOf([...plain.files].find(([path]) => path.startsWith("definitions/run/"))?.[1]),
    );
    const principals = sampleTrust().principals.filter(({ id }) => id !== "olga");
    const pinned = [document.engagement.digest, document.principals, document.policies, document.catalogLock];
    expect((await verify(plain.files, sampleTrust({ principals, pinned }))).verdict).toBe("valid");
    expect((await verify(plain.files, sampleTrust({ principals, pinned: pinned.slice(1) }))).verdict).toBe(
      "indeterminate",
    );
  });

  it("an approver who is not listed leaves it open; one listed with another key or role makes it invalid", async () => {
    const anna = (edit: object): Trust =>
      sampleTrust({
        principals: sampleTrust().principals.map((one) => (one.id === "anna" ? { ...one, ...edit } : one)),
      });
    const unlisted = sampleTrust({ principals: sampleTrust().principals.filter(({ id }) => id !== "anna") });
    expect((await verify(plain.files, unlisted)).verdict).toBe("indeterminate");
    const key = { publicKey: publicKeyText(sampleKeys.mallory.publicKey), custody: "held" };
    for (const edit of [{ keys: [key] }, { roles: ["operator"] }, { type: "agent", roles: ["operator"] }]) {
      const report = await verify(plain.files, anna(edit));
      expect([report.verdict, codes(report)]).toEqual(["invalid", ["FAILURE_APPROVAL_INVALID"]]);
    }
    const held = sampleTrust().principals.find(({ id }) => id === "anna")?.keys[0];
    const local = await verify(plain.files, anna({ keys: [{ ...held, custody: "local" }] }));
    expect(codes(local)).toEqual(["FAILURE_APPROVAL_INVALID"]);
  });

  it("is refused when one key stands for two principals", async () => {
    const key = sampleTrust().principals[0]?.keys ?? [];
    const shared = sampleTrust({
      principals: sampleTrust().principals.map((one) => ({ ...one, keys: key })),
    });
    await expect(verify(plain.files, shared)).rejects.toMatchObject({ code: "FAILURE_INPUT_MALFORMED" });
  });
});

describe("a server that forges", () => {
  const permitAll = {
    apiVersion: "witnessops/v1" as const,
    kind: "PolicySet" as const,
    language: { name: "cedar" as const, version: cedarLanguageVersion() },
    policies: { "permit-all": "permit(principal, action, resource);" },
  };

  it("its own engagement, people and approvals: no `valid`", async () => {
    const keys = { olga: sampleKeys.mallory, anna: keyFromName("second forged") };
    const fake = await sampleBundle({ keys, engagement: { scope: { include: ["host:*.example.test"] } } });
    const report = await verify(fake.files);
    expect(report.verdict).not.toBe("valid");
    expect(report.runs.every(({ authorized }) => !authorized)).toBe(true);
    expect(report.steps.some(({ proofClass }) => proofClass === "strong-proof")).toBe(false);
  });

  it("a policy that permits everything, signed by itself: no `valid`", async () => {
    const schema = textOf([...plain.files].find(([path]) => path.startsWith("definitions/policies/"))?.[1]);
    const policies = { ...permitAll, schema: JSON.parse(schema).schema as string };
    const fake = await sampleBundle({ keys: { olga: sampleKeys.mallory }, policies });
    const report = await verify(fake.files);
    expect(report.verdict).toBe("invalid");
    expect(codes(report)).toContain("FAILURE_SIGNATURE_INVALID");
  });

  it("only the approvals, with keys it put into the principals: no `valid`", async () => {
    const fake = await sampleBundle({ keys: { anna: sampleKeys.mallory } });
    const report = await verify(fake.files);
    expect([report.verdict, codes(report)]).toEqual([
      "invalid",
      expect.arrayContaining(["FAILURE_APPROVAL_INVALID"]),
    ]);
  });

  it("its own root as well: no `valid`", async () => {
    const keys = {
      root: keyFromName("r2"),
      issuer: keyFromName("i2"),
      olga: sampleKeys.mallory,
      anna: keyFromName("a2"),
    };
    const fake = await sampleBundle({ keys });
    expect((await verify(fake.files)).verdict).not.toBe("valid");
  });
});
