// Writes vectors/sealed: bundles with sealed evidence, and with evidence that was retired or nobody has classified. Apart
// from make-vectors.ts, because age draws its keys by chance: the files come out differently each time. Run it only
// to add a vector or when a format changes on purpose.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Artifact } from "../src/contract/artifact.ts";
import type { Contract } from "../src/contract/contract.ts";
import type { LifecycleStatement } from "../src/contract/signed-statements.ts";
import type { Trust } from "../src/contract/trust.ts";
import { collectBytes } from "../src/format/byte-source.ts";
import { canonicalBytes } from "../src/format/canonical-json.ts";
import { type Digest, digestOf, hexOf } from "../src/format/digest.ts";
import { type Envelope, envelopeDigest, envelopeToJson } from "../src/format/dsse.ts";
import { type Signer, signEnvelope } from "../src/format/signer.ts";
import { LIFECYCLE_PAYLOAD_TYPE } from "../src/format/statement.ts";
import { writeTar } from "../src/format/tar.ts";
import { importArtifact } from "../src/run/import-artifact.ts";
import type { Lane } from "../src/run/lane.ts";
import {
  recordClassification,
  recordHold,
  recordLifecycle,
  recordRelease,
} from "../src/run/record-evidence.ts";
import { redactArtifact } from "../src/run/redact-artifact.ts";
import { removeRetired } from "../src/run/remove-retired.ts";
import { IDENTITY, OTHER_RECIPIENT, RECIPIENT } from "../test/fixtures/age-keys.ts";
import { exampleContract } from "../test/fixtures/contracts.ts";
import { type Draft, type Forgery, forge } from "../test/fixtures/forge-bundle.ts";
import { type SampleBundle, sampleBundle, sampleKeys, sampleTrust } from "../test/fixtures/sample-bundle.ts";

const root = join(import.meta.dirname, "..", "vectors", "sealed");
const host = { host: "inputs.host" };
const secretContract: Contract = exampleContract({
  id: "example.vault",
  evidence: {
    artifacts: [{ name: "answer", mediaType: "text/plain", required: true, sensitivity: "secret" }],
    maxBytes: "1MB",
  },
});
const vault = { id: "hello", uses: "example.vault@1.0.0", with: host };
const plainHello = { id: "hello", uses: "example.noop@1.0.0", with: host };
const probe = { id: "probe", uses: "example.probe@1.0.0", with: host };
const engagement = { evidence: { recipients: [RECIPIENT] } };
const request = (artifact: string, principal = "olga") => ({
  artifact,
  principal,
  reason: "the term is over",
});

rmSync(root, { recursive: true, force: true });

const sealed = await sampleBundle({
  steps: [vault],
  contracts: [secretContract],
  engagement,
  conclusion: false,
});
const valid = { verdict: "valid", codes: [] };
const failing = (code: string) => ({ verdict: "invalid", codes: [code] });
await put("accept/opened", "a sealed artifact and its result, opened", sealed.files, valid, {
  identity: IDENTITY,
});
await put("reject/not-opened", "no identity: the result is not computed again", sealed.files, {
  verdict: "indeterminate",
  codes: [],
});

const onAnswer = (edit: (artifact: Artifact, draft: Draft) => void): Forgery => ({
  receipt: (draft) => {
    for (const artifact of draft.predicate.artifacts ?? [])
      if (artifact.name === "answer") edit(artifact, draft);
    return undefined;
  },
});
const rejectSealed = async (name: string, about: string, code: string, forgery: Forgery) =>
  put(`reject/${name}`, about, await forge(sealed, forgery), failing(code), { identity: IDENTITY });
await rejectSealed(
  "commitment-of-another",
  "a commitment to something else than what is sealed",
  "FAILURE_HASH_MISMATCH",
  onAnswer((artifact) => Object.assign(artifact.sealed ?? {}, { commitment: `sha256:${"0".repeat(64)}` })),
);
await rejectSealed(
  "recipients-of-another",
  "recipients that the engagement does not name",
  "FAILURE_DIGEST_MISMATCH",
  onAnswer((artifact) => Object.assign(artifact.sealed ?? {}, { recipients: [OTHER_RECIPIENT] })),
);
await rejectSealed(
  "not-sealed",
  "an artifact that is secret and was not sealed",
  "FAILURE_REQUIRED_FIELD_MISSING",
  onAnswer((artifact) => Reflect.deleteProperty(artifact, "sealed")),
);
await rejectSealed(
  "called-internal",
  "an artifact that is secret by its contract, called internal",
  "FAILURE_DIGEST_MISMATCH",
  onAnswer((artifact) => {
    Reflect.deleteProperty(artifact, "sealed");
    artifact.sensitivity = "internal";
  }),
);
const original = artifactOf(sealed, "answer");
const ciphertext = sealed.files.get(pathOf(original.digest)) ?? new Uint8Array();
await rejectSealed(
  "no-age-file",
  "plaintext where the ciphertext should be",
  "FAILURE_BUNDLE_MALFORMED",
  replaced(original, new TextEncoder().encode("the plaintext")),
);
const damaged = Uint8Array.from(ciphertext);
damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
await rejectSealed(
  "damaged",
  "a ciphertext whose last bit was flipped, with digests that fit",
  "FAILURE_BUNDLE_MALFORMED",
  replaced(original, damaged),
);

const retired = await sampleBundle({
  steps: [plainHello],
  engagement,
  conclusion: false,
  after: async (lane, _keys, run) => retire(lane, answerOf(lane, run)),
});
await put("accept/retired", "an artifact that the owner retired", retired.files, valid);
const withdrawn = (event: string): Forgery => ({ receipt: ({ predicate }) => predicate.event !== event });
await put(
  "reject/retired-without-receipt",
  "the same, and no receipt says so",
  await forge(retired, withdrawn("artifact-retired")),
  failing("FAILURE_COMPLETENESS"),
);
const retiredBy = async (principal: string, signer: Signer) => {
  const { id, digest } = artifactOf(retired, "answer");
  const envelope = await word(signer, { action: "retire", artifact: id, digest, principal });
  return forge(retired, resigned(envelope, principal));
};
await put(
  "reject/retired-by-nobody",
  "a retirement in the owner's name, signed by another key",
  await retiredBy("olga", sampleKeys.mallory),
  failing("FAILURE_APPROVAL_INVALID"),
);
await put(
  "reject/retired-by-approver",
  "a retirement signed by somebody who is no owner",
  await retiredBy("anna", sampleKeys.anna),
  failing("FAILURE_APPROVAL_INVALID"),
);
const trust = sampleTrust();
const [anna, , otto] = trust.principals;
await put(
  "reject/retirer-unlisted",
  "who signed the retirement, and the authorization, is not in the trust file",
  retired.files,
  { verdict: "indeterminate", codes: [] },
  { trust: { ...trust, principals: [anna, otto].filter((one) => one !== undefined) } },
);

const after = await sampleBundle({
  steps: [plainHello, probe],
  engagement,
  conclusion: false,
  open: true,
  async after(lane, _keys, run) {
    const answer = answerOf(lane, run);
    const hold = await recordHold(lane, request(answer.id, "otto"));
    const end = { action: "end-hold", artifact: answer.id, digest: answer.digest, hold } as const;
    await recordLifecycle(lane, await word(sampleKeys.olga, end), end);
    const copy = { source: answer.id, sensitivity: "internal", by: "otto", bytes: once("[masked]") } as const;
    await redactArtifact(lane, copy, (derived) => redaction(derived, answer.id));
    const released = { digest: digestOf("a file"), commitment: digestOf("salt and bytes") };
    await recordRelease(lane, request(answer.id), { ...released, recipient: OTHER_RECIPIENT });
    const note = { name: "note", mediaType: "text/plain", source: "desk", principal: "otto" };
    const first = await importArtifact(lane, run, { ...note, bytes: once("the first") });
    await importArtifact(lane, run, { ...note, bytes: once("the second") });
    await recordClassification(lane, request(first.id, "otto"), "confidential");
    await retire(lane, answer);
  },
});
await put(
  "accept/lifecycle",
  "held and no longer, redacted, released, classified, retired; and an import in quarantine",
  after.files,
  valid,
);
await put(
  "reject/retired-on-hold",
  "a retirement while a hold stands",
  await forge(after, withdrawn("artifact-hold-ended")),
  failing("FAILURE_APPROVAL_INVALID"),
);
await put(
  "reject/classified-lower",
  "an artifact that was made less sensitive",
  await forge(after, {
    receipt: (draft) => {
      if (draft.predicate.event !== "artifact-classified") return undefined;
      const answer = artifactOf(after, "result");
      Object.assign(draft.predicate.detail ?? {}, {
        artifact: answer.id,
        digest: answer.digest,
        sensitivity: "public",
      });
      draft.subject = [
        { name: "detail", digest: { sha256: hexOf(digestOf(canonicalBytes(draft.predicate.detail))) } },
      ];
      return undefined;
    },
    files: (files) => void files.delete(pathOf(imported(after, "the first"))),
  }),
  failing("FAILURE_APPROVAL_INVALID"),
);
await put(
  "reject/redaction-of-nobody",
  "a redacted copy that another person signed than its receipt says",
  await forge(after, {
    receipt: (draft) => {
      if (draft.predicate.event === "artifact-redacted") draft.predicate.actor.principal = "anna";
      return undefined;
    },
  }),
  failing("FAILURE_DIGEST_MISMATCH"),
);

const released = (commitment: (answer: Artifact) => Digest) =>
  sampleBundle({
    steps: [vault],
    contracts: [secretContract],
    engagement,
    conclusion: false,
    async after(lane, _keys, run) {
      const answer = answerOf(lane, run);
      const file = { digest: digestOf("a file"), recipient: OTHER_RECIPIENT };
      await recordRelease(lane, request(answer.id), { ...file, commitment: commitment(answer) });
    },
  });
await put(
  "accept/released",
  "a sealed artifact that was released with the commitment that its receipt has",
  (await released((answer) => answer.sealed?.commitment as Digest)).files,
  valid,
  { identity: IDENTITY },
);
await put(
  "reject/released-other",
  "a release whose commitment is to something else than what the artifact is sealed over",
  (await released(() => digestOf("salt and other bytes"))).files,
  failing("FAILURE_DIGEST_MISMATCH"),
  { identity: IDENTITY },
);

const copied = await sampleBundle({
  steps: [plainHello],
  engagement,
  conclusion: false,
  async after(lane, _keys, run) {
    const { id } = answerOf(lane, run);
    const copy = { source: id, sensitivity: "public", by: "otto", bytes: once("[masked]") } as const;
    await redactArtifact(lane, copy, (derived) => redaction(derived, id));
  },
});
const whole = artifactOf(copied, "answer");
const copyOf = artifactOf(copied, "redacted");
const unchanged = await redaction({ ...copyOf, digest: whole.digest }, whole.id);
await put(
  "reject/redaction-unchanged",
  "a redacted copy with nothing left out, and less sensitive",
  await forge(copied, {
    receipt: (draft) => {
      if (draft.predicate.event !== "artifact-redacted") return undefined;
      draft.predicate.artifacts = [{ ...copyOf, digest: whole.digest, size: whole.size }];
      draft.predicate.detail = { lifecycle: envelopeDigest(unchanged) };
      draft.subject = [{ name: copyOf.id, digest: { sha256: hexOf(whole.digest as Digest) } }];
      return undefined;
    },
    files: (files) => {
      files.delete(pathOf(copyOf.digest));
      for (const path of files.keys()) if (path.startsWith("definitions/lifecycle/")) files.delete(path);
      const name = `definitions/lifecycle/${hexOf(envelopeDigest(unchanged))}.json`;
      files.set(name, canonicalBytes(envelopeToJson(unchanged)));
    },
  }),
  failing("FAILURE_APPROVAL_INVALID"),
);

function redaction({ id, digest }: Pick<Artifact, "id" | "digest">, derivedFrom: string): Promise<Envelope> {
  return word(sampleKeys.otto, { action: "redact", artifact: id, digest, derivedFrom, principal: "otto" });
}

async function put(
  path: string,
  about: string,
  files: ReadonlyMap<string, Uint8Array>,
  expect: object,
  { identity, trust: judged = sampleTrust() }: { identity?: string; trust?: Trust } = {},
): Promise<void> {
  const entries = [...files].map(([name, bytes]) => ({
    path: name,
    size: bytes.length,
    read: () => once(bytes),
  }));
  write(`${path}/bundle.tar`, await collectBytes(writeTar(entries), 1 << 26));
  writeJson(`${path}/trust.json`, judged);
  const given = identity === undefined ? {} : { identity };
  writeJson(`${path}/vector.json`, { about, bundle: "bundle.tar", trust: "trust.json", ...given, expect });
}

function writeJson(path: string, value: unknown): void {
  write(path, `${JSON.stringify(value, null, 2)}\n`);
}

function write(path: string, content: string | Uint8Array): void {
  const target = join(root, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, content);
}

async function* once(bytes: Uint8Array | string): AsyncIterable<Uint8Array> {
  yield typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
}

function pathOf(digest: string): string {
  return `artifacts/sha256/${hexOf(digest as Digest)}`;
}

function answerOf(lane: Lane, run: string): Artifact {
  const row = lane.store.artifacts(run).find(({ artifact }) => artifact.name === "answer");
  if (row === undefined) throw new Error("the run has no answer");
  return row.artifact;
}

/** An artifact of the first step, by the receipts of a bundle. */
function artifactOf({ files }: SampleBundle, name: string): Artifact {
  for (const line of new TextDecoder().decode(files.get("receipts/receipts.ndjson")).trim().split("\n")) {
    const payload = Buffer.from(JSON.parse(line).dsseEnvelope.payload, "base64").toString();
    const { artifacts = [] } = JSON.parse(payload).predicate as { artifacts?: Artifact[] };
    const found = artifacts.find((artifact) => artifact.name === name);
    if (found !== undefined) return found;
  }
  throw new Error(`no artifact ${name}`);
}

function imported({ files }: SampleBundle, text: string): Digest {
  const digest = digestOf(new TextEncoder().encode(text));
  if (!files.has(pathOf(digest))) throw new Error(`${text} is not in the bundle`);
  return digest;
}

/** The artifact with other bytes, digests made to fit. */
function replaced({ digest }: Artifact, bytes: Uint8Array): Forgery {
  const now = digestOf(bytes);
  return {
    receipt: (draft) => {
      for (const artifact of draft.predicate.artifacts ?? [])
        if (artifact.digest === digest) Object.assign(artifact, { digest: now, size: bytes.length });
      for (const subject of draft.subject)
        if (`sha256:${subject.digest.sha256}` === digest) subject.digest.sha256 = hexOf(now);
      return undefined;
    },
    files: (files) => {
      files.delete(pathOf(digest));
      files.set(pathOf(now), bytes);
    },
  };
}

/** The retirement with another statement in it. */
function resigned(envelope: Envelope, principal: string): Forgery {
  const digest = envelopeDigest(envelope);
  return {
    receipt: ({ predicate, subject }) => {
      if (predicate.event !== "artifact-retired") return undefined;
      Object.assign(predicate.detail ?? {}, { lifecycle: digest });
      predicate.actor.principal = principal;
      subject.splice(0, 1, { name: "lifecycle", digest: { sha256: hexOf(digest) } });
      return undefined;
    },
    files: (files) => {
      for (const path of files.keys()) if (path.startsWith("definitions/lifecycle/")) files.delete(path);
      files.set(`definitions/lifecycle/${hexOf(digest)}.json`, canonicalBytes(envelopeToJson(envelope)));
    },
  };
}

async function retire(lane: Lane, { id, digest }: Artifact): Promise<void> {
  const about = { action: "retire", artifact: id, digest } as const;
  await recordLifecycle(lane, await word(sampleKeys.olga, about), about);
  await removeRetired(lane);
}

function word(
  signer: Signer,
  about: Pick<LifecycleStatement, "action" | "artifact" | "digest"> & Partial<LifecycleStatement>,
): Promise<Envelope> {
  const statement: LifecycleStatement = {
    purpose: "witnessops/lifecycle/v1",
    engagement: "acme",
    run: about.artifact.split("/")[0] ?? "",
    principal: "olga",
    reason: "the term is over",
    signedAt: "2026-11-23T12:00:00.000Z",
    nonce: "cd".repeat(16),
    ...about,
  };
  return signEnvelope(signer, canonicalBytes(statement), LIFECYCLE_PAYLOAD_TYPE);
}
