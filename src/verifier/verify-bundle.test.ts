import { beforeAll, describe, expect, it } from "vitest";
import {
  type Draft,
  type Forgery,
  flipBit,
  forge,
  withBadSignature,
} from "../../test/fixtures/forge-bundle.ts";
import {
  approve,
  keyFromName,
  type SampleBundle,
  sampleBundle,
  sampleKeys,
  sampleTrust,
} from "../../test/fixtures/sample-bundle.ts";
import { RECEIPTS_PATH } from "../contract/proof-bundle.ts";
import { collectBytes } from "../format/byte-source.ts";
import { canonicalBytes, canonicalJson } from "../format/canonical-json.ts";
import { digestOfJson, hexOf } from "../format/digest.ts";
import { envelopeDigest, envelopeToJson } from "../format/dsse.ts";
import { publicKeyText } from "../format/public-key.ts";
import { writeTar } from "../format/tar.ts";
import { cedarLanguageVersion } from "../gate/cedar-language.ts";
import { memoryBundle, type Report, type Trust, tarBundle, verifyBundle } from "./index.ts";

let sample: SampleBundle;
let plain: SampleBundle;

beforeAll(async () => {
  sample = await sampleBundle();
  plain = await sampleBundle({ conclusion: false });
});

const verify = (
  files: ReadonlyMap<string, Uint8Array>,
  trust: Trust | undefined = sampleTrust(),
): Promise<Report> => verifyBundle(memoryBundle(files), trust);
const codes = (report: Report) => [
  ...new Set(report.layers.flatMap(({ failures }) => failures.map(({ code }) => code))),
];
const failedLayers = (report: Report) =>
  report.layers
    .filter(({ internal, anchored }) => internal === "failed" || anchored === "failed")
    .map(({ layer }) => layer);
const layer = (report: Report, name: string) => report.layers.find((one) => one.layer === name);
const step = (report: Report, id: string) => report.steps.find((one) => one.id === id);
const forged = async (forgery: Forgery, trust?: Trust) => verify(await forge(plain, forgery), trust);
const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
const bytes = (value: string) => new TextEncoder().encode(value);

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
    expect(step(report, "hello")?.observed?.outputs).toEqual({ said: "hello www.example.test" });
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
    expect(layer(report, "signatures")).toMatchObject({ internal: "ok", anchored: "untested" });
  });

  it("is made the same by the forger who forges nothing", async () => {
    expect((await forged({})).verdict).toBe("valid");
  });

  it("lists and ignores files that the manifest does not name", async () => {
    const files = new Map(sample.files).set("notes.txt", bytes("hello"));
    const report = await verify(files);
    expect(report.verdict).toBe("valid");
    expect(report.ignoredFiles).toEqual(["notes.txt"]);
  });

  it("is valid and says partial while its run is open", async () => {
    const open = await sampleBundle({ open: true });
    const report = await verify(open.files);
    expect([report.verdict, report.partial, layer(report, "continuity")?.internal]).toEqual([
      "valid",
      true,
      "partial",
    ]);
    expect(step(report, "probe")).toMatchObject({ outcome: "paused" });
  });

  it("is operational input from a lab, whatever else holds", async () => {
    const terms = { approver: "olga", reason: "r", boundary: "b", stopCondition: "s", dataHandling: "d" };
    const lab = await sampleBundle({ engagement: { environment: "lab", lab: terms }, conclusion: false });
    const report = await verify(lab.files);
    expect(report.verdict).toBe("valid");
    expect(step(report, "hello")).toMatchObject({
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
      after: (files) => files.set("MANIFEST.json", bytes(`${text(files.get("MANIFEST.json"))}\n`)),
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
      const report = await forged({ after: (files) => files.set(path, bytes("x")) });
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
});

describe("receipts", () => {
  const lines = (change: (list: string[]) => string[]): Forgery => ({
    files: (files) => {
      const list = text(files.get(RECEIPTS_PATH)).trimEnd().split("\n");
      files.set(RECEIPTS_PATH, bytes(`${change(list).join("\n")}\n`));
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
});

describe("trust", () => {
  it("anchors continuity at the heads that the reviewer has seen", async () => {
    const head = (await verify(plain.files)).runs.length;
    expect(head).toBe(1);
    const stream = "engagement:acme";
    const claim = JSON.parse(text(plain.files.get("CLAIM.sigstore.json")));
    const { streams } = JSON.parse(atob(claim.dsseEnvelope.payload)).predicate;
    const { seq, digest } = streams[stream];
    const seen = await verify(plain.files, sampleTrust({ streams: { [stream]: { seq, digest } } }));
    expect([seen.verdict, layer(seen, "continuity")?.anchored]).toEqual(["valid", "established"]);
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
      text([...plain.files].find(([path]) => path.startsWith("definitions/run/"))?.[1]),
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
    const schema = text([...plain.files].find(([path]) => path.startsWith("definitions/policies/"))?.[1]);
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

describe("approvals", () => {
  /** Puts another approval envelope in place of anna's, wherever it is named. */
  async function withApproval(more: object, signer = sampleKeys.anna, principal = "anna"): Promise<Report> {
    const path = [...plain.files.keys()].find((name) => name.startsWith("definitions/approval/")) ?? "";
    const before = `sha256:${path.slice("definitions/approval/".length, -".json".length)}`;
    const envelope = JSON.parse(text(plain.files.get(path)));
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

describe("proof class: each signal removed alone", () => {
  const onHello = (edit: (draft: Draft) => void): Forgery => ({
    receipt: (draft) => {
      if (draft.predicate.event === "step-executed" && draft.predicate.step?.id === "hello") edit(draft);
      return undefined;
    },
  });

  it("contract identity", async () => {
    const report = await forged(onHello((draft) => Reflect.deleteProperty(draft.predicate, "runbook")));
    expect(step(report, "hello")).toMatchObject({
      proofClass: "operational-input",
      missing: ["contract-identity"],
    });
  });

  it("invocation outcome", async () => {
    const report = await forged(
      onHello((draft) => Reflect.deleteProperty(draft.predicate.invocation?.attempts[0] ?? {}, "endedAt")),
    );
    expect([report.verdict, step(report, "hello")]).toMatchObject([
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
    expect([report.verdict, step(report, "hello")]).toMatchObject([
      "valid",
      { proofClass: "operational-input", missing: ["artifact-integrity"] },
    ]);
  });

  it("receipt linkage", async () => {
    const report = await verify(plain.files, sampleTrust({ require: ["log"] }));
    expect(step(report, "hello")).toMatchObject({
      proofClass: "operational-input",
      missing: ["receipt-linkage"],
    });
  });

  it("verification scope", async () => {
    const report = await forged(
      onHello((draft) => Reflect.deleteProperty(draft.predicate.verificationScope, "doesNotAttest")),
    );
    expect(step(report, "hello")).toMatchObject({
      proofClass: "operational-input",
      missing: ["verification-scope"],
    });
  });
});
