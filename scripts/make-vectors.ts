// Writes vectors/: frozen, language-neutral files with what a reader of them must find. Run it only to add a vector
// or when a format changes on purpose; test/vectors.test.ts reads the files and never this script.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CLAIM_PATH } from "../src/contract/proof-bundle.ts";
import type { Trust } from "../src/contract/trust.ts";
import { fromBase64, toBase64, toHex } from "../src/format/base64.ts";
import { collectBytes } from "../src/format/byte-source.ts";
import { canonicalBytes, canonicalJson } from "../src/format/canonical-json.ts";
import { digestOf, digestOfJson, hexOf } from "../src/format/digest.ts";
import { envelopeDigest, envelopeToJson, preAuthEncoding } from "../src/format/dsse.ts";
import { publicKeyText } from "../src/format/public-key.ts";
import { noteKeyOf, noteKeyText, noteKeyTypes } from "../src/format/signed-note.ts";
import { type Signer, signEnvelope } from "../src/format/signer.ts";
import { writeTar } from "../src/format/tar.ts";
import { certifyKey } from "../src/receipt/certify-key.ts";
import type { Lane } from "../src/run/lane.ts";
import { exampleContract } from "../test/fixtures/contracts.ts";
import { endConclusion, pinnedOf } from "../test/fixtures/end-conclusion.ts";
import { type Draft, type Forgery, flipBit, forge, withBadSignature } from "../test/fixtures/forge-bundle.ts";
import {
  nextLane,
  nextRoot,
  p256FromName,
  retire,
  revoke,
  rotateRoot,
  signAfterEnd,
} from "../test/fixtures/key-history.ts";
import { makeAuthority, makeTimestamp } from "../test/fixtures/make-timestamp.ts";
import {
  keyFromName,
  type SampleOptions,
  sampleBundle,
  sampleKeys,
  sampleTrust,
} from "../test/fixtures/sample-bundle.ts";
import { stampBundle } from "../test/fixtures/stamp-bundle.ts";
import { transplant } from "../test/fixtures/transplant.ts";
import { logBundles, logFormats } from "./log-vectors.ts";
import { timeVectors } from "./time-vectors.ts";
import { witnessBundles, witnessVectors } from "./witness-vectors.ts";

const root = join(import.meta.dirname, "..", "vectors");
const decoder = new TextDecoder();
const encoder = new TextEncoder();
const RECEIPTS = "receipts/receipts.ndjson";
const HOST = { host: "inputs.host" };

/** What a verifier must find. */
interface Expectation {
  readonly verdict?: "valid" | "invalid" | "indeterminate";
  readonly codes?: readonly string[];
  readonly error?: string;
  /** Missing signals of the step `hello`. */
  readonly missing?: readonly string[];
}

for (const folder of [
  "canonical-json",
  "dsse",
  "scope",
  "contract",
  "action",
  "bundle",
  "proof-class",
  "trust",
  "witnesses",
  "log",
]) {
  rmSync(join(root, folder), { recursive: true, force: true });
}
writeFormats();
writeScope();
writeContracts();
await writeBundles();
for (const [path, value] of Object.entries(await witnessVectors())) writeJson(path, value);
for (const [path, value] of Object.entries(await logFormats())) writeJson(path, value);

function write(path: string, content: string | Uint8Array): void {
  const target = join(root, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, content);
}

function writeJson(path: string, value: unknown): void {
  write(path, `${JSON.stringify(value, null, 2)}\n`);
}

function writeFormats(): void {
  const values: unknown[] = [
    { b: 1, a: [true, null, "\u20ac", 1e21, 0.000001, -0] },
    { "\u00f6": 1, "\ufb33": 2, "\ud83d\ude00": 3, "1": 4, "": 5 },
    ['\u0000\u001f\u007f"\\/\b\f\n\r\t'],
  ];
  writeJson(
    "canonical-json/accept.json",
    values.map((value) => ({
      input: JSON.stringify(value),
      canonical: canonicalJson(value),
      digest: digestOfJson(value),
    })),
  );
  const bad: [string, string][] = [
    ["a space", '{"a": 1}'],
    ["members out of order", '{"b":1,"a":2}'],
    ["a member twice", '{"a":1,"a":1}'],
    ["a number in another spelling", '{"a":1.0}'],
    ["an escape that is not needed", '{"a":"\\u0041"}'],
    ["a byte order mark", "\ufeff{}"],
    ["text after the end", "{}\n"],
  ];
  writeJson("canonical-json/reject.json", [
    ...bad.map(([about, text]) => ({ about, hex: toHex(encoder.encode(text)) })),
    { about: "invalid UTF-8", hex: "7b2261223a22ff227d" },
  ]);
  const payloadType = "application/vnd.in-toto+json";
  const payload = encoder.encode('{"hello":"w\u00f6rld"}');
  const signature = sampleKeys.olga.sign(preAuthEncoding(payloadType, payload)) as Uint8Array;
  writeJson("dsse/accept.json", {
    payloadType,
    payload: toBase64(payload),
    preAuthEncoding: toHex(preAuthEncoding(payloadType, payload)),
    digest: envelopeDigest({ payloadType, payload }),
    publicKey: publicKeyText(sampleKeys.olga.publicKey),
    keyId: sampleKeys.olga.publicKey.keyId,
    signature: toBase64(signature),
  });
  const flipped = Uint8Array.from(signature);
  flipped[0] = (flipped[0] ?? 0) ^ 1;
  writeJson("dsse/reject.json", [
    {
      about: "a flipped bit in the signature",
      payloadType,
      payload: toBase64(payload),
      signature: toBase64(flipped),
    },
    {
      about: "another payload type",
      payloadType: "text/plain",
      payload: toBase64(payload),
      signature: toBase64(signature),
    },
    {
      about: "a cut signature",
      payloadType,
      payload: toBase64(payload),
      signature: toBase64(signature.subarray(0, 63)),
    },
  ]);
}

/** Expected by hand from spec/scope.md; nothing here is computed. */
function writeScope(): void {
  const rows: [string, string, boolean][] = [
    ["host:example.com", "host:example.com", true],
    ["host:example.com", "host:EXAMPLE.com.", true],
    ["host:example.com", "host:www.example.com", false],
    ["host:*.example.com", "host:a.b.example.com", true],
    ["host:*.example.com", "host:example.com", false],
    ["host:*.example.com", "host:evilexample.com", false],
    ["host:b\u00fccher.example", "host:xn--bcher-kva.example", true],
    ["host:example.com", "url:https://example.com/x", true],
    ["host:example.com", "endpoint:example.com:8443", true],
    ["host:example.com", "email-domain:example.com", false],
    ["email-domain:example.com", "email-domain:example.com", true],
    ["address:192.0.2.1", "address:192.0.2.1", true],
    ["address:192.0.2.1", "address:::ffff:192.0.2.1", true],
    ["address:192.0.2.1", "host:192.0.2.1", true],
    ["cidr:192.0.2.0/24", "address:192.0.2.255", true],
    ["cidr:192.0.2.0/24", "address:192.0.3.0", false],
    ["cidr:192.0.2.0/24", "cidr:192.0.2.128/25", true],
    ["cidr:192.0.2.128/25", "cidr:192.0.2.0/24", false],
    ["cidr:2001:db8::/32", "address:2001:db8::1", true],
    ["cidr:192.0.2.0/24", "host:0xc0000201", false],
    ["url:https://example.com/api/", "url:https://example.com/api/v1", true],
    ["url:https://example.com/api", "url:https://example.com/apix", false],
    ["url:https://example.com/api", "url:http://example.com/api", false],
    ["url:https://example.com/api", "url:https://example.com/api/../admin", false],
    ["endpoint:example.com:443", "endpoint:example.com:443", true],
    ["endpoint:example.com:443", "endpoint:example.com:80", false],
    ["account:acme/*", "account:acme/dev", true],
    ["account:acme/*", "account:acme-evil/dev", false],
    ["repository:acme/app", "repository:acme/app2", false],
  ];
  writeJson(
    "scope/matching.json",
    rows.map(([pattern, subject, covered]) => ({ pattern, subject, covered })),
  );
}

function writeContracts(): void {
  const contract = exampleContract();
  writeJson("contract/accept/whole.json", { document: contract, digest: digestOfJson(contract) });
  const parts = [
    "inputs",
    "outputs",
    "errors",
    "scope",
    "authority",
    "evidence",
    "failure",
    "boundary",
    "attests",
    "doesNotAttest",
  ];
  for (const part of parts) {
    const document = Object.fromEntries(Object.entries(contract).filter(([name]) => name !== part));
    writeJson(`contract/reject/missing-${part.toLowerCase()}.json`, {
      document,
      expect: [{ path: part, code: "required" }],
    });
  }
}

async function writeBundles(): Promise<void> {
  const host = HOST;
  const hello = { id: "hello", uses: "example.noop@1.0.0", with: host };
  const probe = { id: "probe", uses: "example.probe@1.0.0", with: host };
  const busy = { id: "busy", uses: "example.busy@1.0.0", with: host };
  const small: SampleOptions = { steps: [hello, busy], conclusion: false };
  const plain = await sampleBundle(small);
  const approved = await sampleBundle({ steps: [hello, probe], conclusion: false });
  const trust = sampleTrust();
  writeJson("trust/accept/whole.json", trust);

  const put = async (
    path: string,
    about: string,
    files: ReadonlyMap<string, Uint8Array> | Uint8Array,
    expect: Expectation,
    judged: Trust | null = trust,
  ): Promise<void> => {
    write(`${path}/bundle.tar`, files instanceof Uint8Array ? files : await tarOf(files));
    if (judged !== null) writeJson(`${path}/trust.json`, judged);
    writeJson(`${path}/vector.json`, {
      about,
      bundle: "bundle.tar",
      trust: judged === null ? null : "trust.json",
      expect,
    });
  };
  const accept = (name: string, about: string, files: ReadonlyMap<string, Uint8Array>, judged?: Trust) =>
    put(`bundle/accept/${name}`, about, files, { verdict: "valid", codes: [] }, judged);
  const reject = async (name: string, about: string, code: string, forgery: Forgery, from = plain) =>
    put(`bundle/reject/${name}`, about, await forge(from, forgery), { verdict: "invalid", codes: [code] });
  const open = async (
    name: string,
    about: string,
    files: ReadonlyMap<string, Uint8Array>,
    judged: Trust | null,
  ) => put(`bundle/reject/${name}`, about, files, { verdict: "indeterminate", codes: [] }, judged);
  const onHello = (edit: (draft: Draft) => void): Forgery => ({
    receipt: (draft) => {
      if (draft.predicate.event === "step-executed" && draft.predicate.step?.id === "hello") edit(draft);
      return undefined;
    },
  });
  const onLines = (change: (lines: string[]) => string[]): Forgery => ({
    files: (files) => {
      const lines = decoder.decode(files.get(RECEIPTS)).trimEnd().split("\n");
      files.set(RECEIPTS, encoder.encode(`${change(lines).join("\n")}\n`));
    },
  });

  await accept("whole", "every kind of step, and a conclusion", (await sampleBundle()).files);
  await accept("small", "one step executed, one failed", plain.files);
  await accept("approved", "a step that an approver let through", approved.files);
  await accept(
    "partial",
    "a run that waits for its approval",
    (await sampleBundle({ steps: [hello, probe], open: true })).files,
  );
  await accept(
    "extra-file",
    "a file that the manifest does not list is ignored",
    await forge(plain, { after: (files) => files.set("notes.txt", encoder.encode("x")) }),
  );
  await accept(
    "wrong-key-id",
    "the key id is only a hint",
    await forge(
      plain,
      onLines((lines) => lines.map(withOtherKeyId)),
    ),
  );
  const head = streamHead(plain.files, "engagement:acme");
  await accept(
    "pinned-head",
    "a stream head that the reviewer has seen",
    plain.files,
    sampleTrust({ streams: { "engagement:acme": head } }),
  );

  await reject("artifact-swapped", "one bit of an artifact flipped", "FAILURE_HASH_MISMATCH", {
    after: (files) => flipBit(files, capturedIn(files)),
  });
  await reject("file-absent", "a file that the manifest lists is absent", "FAILURE_COMPLETENESS", {
    after: (files) =>
      void files.delete([...files.keys()].findLast((path) => path.startsWith("artifacts/")) ?? ""),
  });
  await reject(
    "field-missing",
    "a receipt of a call without its runbook",
    "FAILURE_REQUIRED_FIELD_MISSING",
    onHello((draft) => Reflect.deleteProperty(draft.predicate, "runbook")),
  );
  await reject("manifest-unsorted", "the manifest's files in another order", "FAILURE_BUNDLE_MALFORMED", {
    manifest: (manifest) => void manifest.files.reverse(),
  });
  await reject(
    "extra-line",
    "an empty line after the receipts",
    "FAILURE_BUNDLE_MALFORMED",
    onLines((lines) => [...lines, ""]),
  );
  await reject(
    "signature-flipped",
    "one bit of a receipt's signature flipped",
    "FAILURE_SIGNATURE_INVALID",
    onLines((lines) => lines.map((line, i) => (i === 4 ? withBadSignature(line) : line))),
  );
  await reject("claim-of-another", "a claim about another manifest", "FAILURE_DIGEST_MISMATCH", {
    claim: (_claim, subject) => void Object.assign(subject[0]?.digest ?? {}, { sha256: "0".repeat(64) }),
  });
  await reject("claim-key-id", "a claim that names another key than signed it", "FAILURE_DIGEST_MISMATCH", {
    after: (files) =>
      void files.set(CLAIM_PATH, encoder.encode(withOtherKeyId(decoder.decode(files.get(CLAIM_PATH))))),
  });
  await reject("version-unknown", "a manifest of version 2", "FAILURE_SCHEMA_VERSION_UNSUPPORTED", {
    manifest: (manifest) => void Object.assign(manifest, { schema: "witnessops/manifest/v2" }),
  });
  await reject("chain-broken", "a receipt that names another one before it", "FAILURE_CONTINUITY_BROKEN", {
    receipt: (draft) => {
      const last = draft.predicate.event === "run-closed";
      if (last) draft.predicate.ledger.prevHash = digestOfJson("other");
      return undefined;
    },
    keepChain: true,
  });
  await reject("step-left-out", "a step without its end, all heads made to fit", "FAILURE_COMPLETENESS", {
    receipt: (draft) => draft.predicate.event !== "step-failed",
  });
  await reject(
    "outputs-changed",
    "outputs that the captured result does not give",
    "FAILURE_DECISION_MISMATCH",
    onHello((draft) => {
      if (draft.predicate.invocation) draft.predicate.invocation.outputs = { said: "all is well" };
    }),
  );
  await reject("gate-changed", "a gate with other facts than its inputs give", "FAILURE_DECISION_MISMATCH", {
    gateRecord: (record) => {
      const gate = record.gates.find(({ gate: name }) => name === "scope");
      if (record.action.step === "hello" && gate) gate.facts = { seen: "nothing" };
    },
  });
  await reject(
    "end-before-start",
    "an attempt that ended before it started",
    "FAILURE_DECISION_MISMATCH",
    onHello(({ predicate }) => {
      for (const attempt of predicate.invocation?.attempts ?? [])
        Object.assign(attempt, { endedAt: "2026-11-23T10:00:00.000Z" });
    }),
  );
  await reject(
    "older-receipt",
    "a receipt that is older than the one before it",
    "FAILURE_CONTINUITY_BROKEN",
    {
      receipt: ({ predicate }) => {
        if (predicate.event === "run-closed") predicate.time.claimedUtc = "2026-11-23T09:59:00.000Z";
        return undefined;
      },
    },
  );
  await reject(
    "outcome-changed",
    "a run that is recorded as stopped, and nothing stopped it",
    "FAILURE_DECISION_MISMATCH",
    {
      receipt: ({ predicate: { event, detail } }) => {
        if (event === "run-closed") Object.assign(detail ?? {}, { outcome: "stopped" });
        return undefined;
      },
    },
  );
  await reject("artifact-unlisted", "a gate record that the manifest does not list", "FAILURE_COMPLETENESS", {
    manifest: (manifest) => {
      const record = [...plain.files].find(([, bytes]) =>
        decoder.decode(bytes).includes("witnessops/gate-record/v1"),
      );
      manifest.files = manifest.files.filter(({ path }) => path !== record?.[0]);
    },
  });
  await reject(
    "run-authorization-other",
    "a closing that names another authorization than its run",
    "FAILURE_DIGEST_MISMATCH",
    {
      receipt: ({ predicate }) => {
        if (predicate.event === "run-closed") predicate.authorization = digestOfJson("other");
        return undefined;
      },
    },
  );
  await reject(
    "exceptions-other",
    "an opening that says `lab`, and its engagement is none",
    "FAILURE_DIGEST_MISMATCH",
    {
      receipt: ({ predicate }) => {
        if (predicate.event === "run-opened") predicate.exceptions = ["lab"];
        return undefined;
      },
    },
  );
  await reject("subject-added", "a receipt with a subject more", "FAILURE_DIGEST_MISMATCH", {
    receipt: ({ predicate, subject }) => {
      if (predicate.event === "workspace-created")
        subject.push({ name: "more", digest: { sha256: "0".repeat(64) } });
      return undefined;
    },
  });
  await reject(
    "gate-record-not-first",
    "a call whose first subject is not its gate record",
    "FAILURE_REQUIRED_FIELD_MISSING",
    onHello((draft) => void draft.subject.reverse()),
  );
  await reject(
    "artifact-renamed",
    "an artifact with another name than at its id",
    "FAILURE_DIGEST_MISMATCH",
    onHello(({ predicate }) => {
      const answer = predicate.artifacts?.find(({ name }) => name === "answer");
      Object.assign(answer ?? {}, { name: "other" });
    }),
  );
  await reject("root-key-id", "a workspace whose issuer root has another key id", "FAILURE_DIGEST_MISMATCH", {
    receipt: ({ predicate }) => {
      const root = predicate.event === "workspace-created" ? predicate.detail?.root : undefined;
      Object.assign(root ?? {}, { keyId: sampleKeys.mallory.publicKey.keyId });
      return undefined;
    },
  });
  await reject("gate-fact-null", "a fact of a gate that is null", "FAILURE_DECISION_MISMATCH", {
    gateRecord: (record) => {
      const gate = record.gates.find(({ gate: name }) => name === "target-authorization");
      if (record.action.step === "hello" && gate) gate.facts = { granted: [null] };
    },
  });
  await accept(
    "artifact-not-listed",
    "a file among the artifacts that is not what its name says, and that the manifest does not list",
    await forge(plain, {
      after: (files) => void files.set(`artifacts/sha256/${"0".repeat(64)}`, encoder.encode("x")),
    }),
  );
  const written = await certifyKey(sampleKeys.root, sampleKeys.issuer.publicKey, {
    issuedAt: "2026-11-23T09:00:00.000Z",
    notAfter: "2027-11-23T09:00:00.000Z",
  });
  const certificate = JSON.parse(decoder.decode(written.payload));
  certificate.subject[0].name = "some-key";
  const renamedSubject = await signEnvelope(sampleKeys.root, canonicalBytes(certificate));
  await put(
    "bundle/reject/certificate-subject",
    "beside the certificate of the issuer key one with another subject",
    await forge(plain, {
      files: (files) =>
        void files.set(
          `definitions/key-certificate/${hexOf(envelopeDigest(renamedSubject))}.json`,
          canonicalBytes(envelopeToJson(renamedSubject)),
        ),
    }),
    { verdict: "invalid", codes: ["FAILURE_DIGEST_MISMATCH"] },
  );
  const otherKey = { publicKey: publicKeyText(sampleKeys.mallory.publicKey), custody: "held" as const };
  const withKey = (id: string): Trust =>
    sampleTrust({
      principals: trust.principals.map((one) => (one.id === id ? { ...one, keys: [otherKey] } : one)),
    });
  const without = (id: string): Trust =>
    sampleTrust({ principals: trust.principals.filter((one) => one.id !== id) });
  await put(
    "bundle/reject/approver-other-key",
    "the approver is listed with another key",
    approved.files,
    { verdict: "invalid", codes: ["FAILURE_APPROVAL_INVALID"] },
    withKey("anna"),
  );
  await put(
    "bundle/reject/owner-other-key",
    "the owner is listed with another key",
    plain.files,
    { verdict: "invalid", codes: ["FAILURE_SIGNATURE_INVALID"] },
    withKey("olga"),
  );
  await put(
    "bundle/reject/rolled-back",
    "a stream that ends before the pinned head",
    plain.files,
    { verdict: "invalid", codes: ["FAILURE_CONTINUITY_BROKEN"] },
    sampleTrust({ streams: { "engagement:acme": { ...head, seq: head.seq + 1 } } }),
  );

  await open("untrusted", "no trust file", plain.files, null);
  await open(
    "unknown-signer",
    "receipts by a key without certificate",
    await forge(plain, { signer: sampleKeys.mallory }),
    trust,
  );
  await open(
    "unknown-root",
    "a root that is not in the trust file",
    plain.files,
    sampleTrust({ issuerRoots: [{ name: "other", publicKey: otherKey.publicKey }] }),
  );
  await open(
    "runbook-not-locked",
    "a runbook that the owner did not authorize",
    await transplant(plain, { text: (text) => text.replaceAll('"id":"example"', '"id":"other"') }),
    trust,
  );
  await open("owner-unlisted", "the owner is not in the trust file", plain.files, without("olga"));
  await open("approver-unlisted", "the approver is not in the trust file", approved.files, without("anna"));
  await open(
    "log-required",
    "a layer that only the reviewer requires",
    plain.files,
    sampleTrust({ require: ["log"] }),
  );

  const witness = keyFromName("one").publicKey;
  const asked = noteKeyText(noteKeyOf("witness.example/one", witness, noteKeyTypes.cosignature));
  await open(
    "witness-without-log",
    "the reviewer asks for a witness of a bundle that has no log",
    plain.files,
    sampleTrust({ witnesses: [{ key: asked }] }),
  );
  await accept(
    "witness-quorum-none",
    "a witness is listed, and none is asked for",
    plain.files,
    sampleTrust({ witnesses: [{ key: asked }], witnessQuorum: 0 }),
  );
  await writeConclusions(put);
  await writeKeys(small, put);
  for (const { path, about, files, trust: judged, verdict, codes } of [
    ...(await logBundles()),
    ...(await witnessBundles()),
  ])
    await put(path, about, files, { verdict, codes }, judged);
  for (const vector of await timeVectors(plain))
    await put(vector.path, vector.about, vector.files, vector.expect, vector.trust);

  const forgedKeys = { olga: sampleKeys.mallory, anna: keyFromName("forged approver") };
  const forged = await sampleBundle({ ...small, keys: forgedKeys });
  await put("bundle/reject/forged-authority", "the server made its own owner", forged.files, {
    verdict: "invalid",
    codes: ["FAILURE_SIGNATURE_INVALID"],
  });

  const whole = await tarOf(plain.files);
  const malformed = (name: string, about: string, bytes: Uint8Array) =>
    put(`bundle/reject/${name}`, about, bytes, { verdict: "invalid", codes: ["FAILURE_BUNDLE_MALFORMED"] });
  await malformed("tar-truncated", "a tar that is cut", whole.subarray(0, 3000));
  await malformed("tar-trailing", "bytes after the end of the tar", new Uint8Array([...whole, 1]));
  await malformed(
    "tar-name-twice",
    "the first file stands twice",
    new Uint8Array([...whole.subarray(0, firstEntry(whole)), ...whole]),
  );
  await malformed("tar-parent-path", "a path with `../`", renamed(whole, "../"));

  const signal = async (name: string, edit: (draft: Draft) => void, verdict: Expectation["verdict"]) =>
    put(`proof-class/${name}`, `the step \`hello\` without ${name}`, await forge(plain, onHello(edit)), {
      ...(verdict === undefined ? {} : { verdict }),
      missing: [name],
    });
  await put("proof-class/all", "the step `hello` with all five signals", plain.files, {
    verdict: "valid",
    missing: [],
  });
  await signal("contract-identity", (draft) => Reflect.deleteProperty(draft.predicate, "runbook"), "invalid");
  await signal(
    "invocation-outcome",
    (draft) => Reflect.deleteProperty(draft.predicate.invocation?.attempts[0] ?? {}, "endedAt"),
    "valid",
  );
  await signal(
    "artifact-integrity",
    (draft) => {
      draft.predicate.artifacts = draft.predicate.artifacts?.filter(({ name }) => name !== "answer") ?? [];
      draft.subject = draft.subject.filter(({ name }) => !name.endsWith("/answer"));
    },
    "valid",
  );
  await signal(
    "receipt-linkage",
    (draft) => {
      draft.subject = draft.subject.filter(({ name }) => !name.endsWith("/answer"));
    },
    "invalid",
  );
  await signal(
    "verification-scope",
    (draft) => Reflect.deleteProperty(draft.predicate.verificationScope, "doesNotAttest"),
    "invalid",
  );

  const timeTrust = (certificate: string) =>
    sampleTrust({ timeAuthorities: [{ name: "one", certificates: [certificate] }] });
  writeJson("trust/reject/time-no-certificate.json", {
    trust: timeTrust("AAAA"),
    error: "FAILURE_INPUT_MALFORMED",
  });
  writeJson("trust/reject/time-no-authority.json", {
    trust: timeTrust(toBase64(makeAuthority("one").signer.der)),
    error: "FAILURE_INPUT_MALFORMED",
  });
  writeJson("trust/reject/time-threshold.json", {
    trust: sampleTrust({ timeThreshold: 1 }),
    error: "FAILURE_INPUT_MALFORMED",
  });
  const shared = sampleTrust({ principals: trust.principals.map((one) => ({ ...one, keys: [otherKey] })) });
  writeJson("trust/reject/one-key-for-two.json", { trust: shared, error: "FAILURE_INPUT_MALFORMED" });
  writeJson("trust/reject/unknown-member.json", {
    trust: { ...trust, extra: true },
    error: "FAILURE_INPUT_MALFORMED",
  });
  writeJson("trust/reject/version-unknown.json", {
    trust: { ...trust, apiVersion: "witnessops/v2" },
    error: "FAILURE_INPUT_UNSUPPORTED",
  });

  const record = [...plain.files].find(([, bytes]) =>
    decoder.decode(bytes).includes('"schema":"witnessops/gate-record/v1"'),
  );
  const { action, actionDigest } = JSON.parse(decoder.decode(record?.[1]));
  writeJson("action/accept.json", { action, actionDigest });
  const statement = canonicalBytes({ hello: "world" });
  const envelope = await signEnvelope(sampleKeys.olga, statement);
  if (digestOf(preAuthEncoding(envelope.payloadType, statement)) !== envelopeDigest(envelope))
    throw new Error("digest");
}

type Put = (
  path: string,
  about: string,
  files: ReadonlyMap<string, Uint8Array>,
  expect: Expectation,
  judged?: Trust | null,
) => Promise<void>;

/** A conclusion that somebody else ends, of whom pinned principals and trust file say different things. */
async function writeConclusions(put: Put): Promise<void> {
  for (const how of ["withdrawn", "superseded"] as const) {
    const steps = [{ id: "hello", uses: "example.noop@1.0.0", with: HOST }];
    const { files } = await sampleBundle({
      steps,
      after: (lane, _keys, run) => endConclusion(lane, run, how),
    });
    const trust = sampleTrust({ pinned: pinnedOf(files) });
    const others = trust.principals.filter(({ id }) => id !== "olga");
    const olga = trust.principals.filter(({ id }) => id === "olga");
    await put(
      `bundle/accept/conclusion-${how}`,
      "a conclusion that an owner ended",
      files,
      { verdict: "valid", codes: [] },
      trust,
    );
    await put(
      `bundle/reject/conclusion-${how}-by-operator`,
      "a conclusion ended by somebody whom the trust file lists as no owner",
      files,
      { verdict: "invalid", codes: ["FAILURE_APPROVAL_INVALID"] },
      {
        ...trust,
        principals: [...others, ...olga.map((one) => ({ ...one, roles: ["operator" as const] }))],
      },
    );
    await put(
      `bundle/reject/conclusion-${how}-by-unlisted`,
      "a conclusion ended by somebody whom the trust file does not list",
      files,
      { verdict: "indeterminate", codes: [] },
      { ...trust, principals: others },
    );
  }
}

/** Issuer keys and roots that follow one another, end, and are revoked (spec/keys.md). */
async function writeKeys(small: SampleOptions, put: Put): Promise<void> {
  const { root, issuer, olga, anna, mallory } = sampleKeys;
  const early = "2026-11-23T09:30:00.000Z";
  const valid: Expectation = { verdict: "valid", codes: [] };
  const unsure: Expectation = { verdict: "indeterminate", codes: [] };
  const invalid: Expectation = { verdict: "invalid", codes: ["FAILURE_SIGNATURE_INVALID"] };
  const made = async (before: SampleOptions["before"], more: SampleOptions = {}) =>
    (await sampleBundle({ ...small, ...more, ...(before === undefined ? {} : { before }) })).files;

  const rotated = await made(async (lane) => {
    await rotateRoot(lane, root);
    const next = await nextLane(lane, nextRoot);
    await retire(next, issuer);
    return next;
  });
  await put("bundle/accept/rotated", "a new root, a new issuer key, and the old one retired", rotated, valid);
  const p256 = { root: p256FromName("root"), issuer: p256FromName("issuer"), olga: p256FromName("olga") };
  const known = sampleTrust();
  await put(
    "bundle/accept/p256",
    "issuer root, issuer key and owner with keys on P-256",
    await made(undefined, { keys: p256 }),
    valid,
    {
      ...known,
      issuerRoots: [{ name: "sample workspace", publicKey: publicKeyText(p256.root.publicKey) }],
      principals: known.principals.map((one) =>
        one.id === "olga"
          ? { ...one, keys: [{ publicKey: publicKeyText(p256.olga.publicKey), custody: "held" }] }
          : one,
      ),
    },
  );
  await put(
    "bundle/accept/revoked-other",
    "a key that signed nothing here is revoked by the issuer root",
    await made(async (lane) => {
      await revoke(lane, mallory, early, root, null);
      return lane;
    }),
    valid,
  );

  const ended = (
    end: (next: Lane) => Promise<void>,
    later: (next: Lane) => Promise<void> = async () => {},
  ): Promise<ReadonlyMap<string, Uint8Array>> =>
    made(
      async (lane) => {
        const next = await nextLane(lane, root);
        await end(next);
        return next;
      },
      {
        after: async (lane) => {
          await later(lane);
          await signAfterEnd(lane, issuer);
        },
      },
    );
  await put(
    "bundle/reject/receipt-after-retirement",
    "a receipt by an issuer key that was retired before",
    await ended((next) => retire(next, issuer)),
    invalid,
  );
  await put(
    "bundle/reject/receipt-after-revocation",
    "a receipt by an issuer key that the owner revoked before",
    await ended((next) => revoke(next, issuer, "2026-11-23T10:00:00.000Z", olga)),
    invalid,
  );
  await put(
    "bundle/reject/revoked-unbounded",
    "receipts by an issuer key that was revoked later, and nothing says when they were made",
    await made(async (lane) => {
      const next = await nextLane(lane, root);
      await revoke(next, issuer, early, olga);
      return next;
    }),
    unsure,
  );
  await put(
    "bundle/reject/revocation-by-stranger",
    "a revocation that the owner whom it names did not sign",
    await made(async (lane) => {
      await revoke(lane, anna, early, mallory);
      return lane;
    }),
    invalid,
  );
  await put(
    "bundle/reject/certificate-of-ended-root",
    "an issuer key certified by a root that had ended",
    await made(async (lane) => {
      await rotateRoot(lane, root);
      return nextLane(lane, root);
    }),
    invalid,
  );
  await put(
    "bundle/reject/root-not-certified",
    "a root whose certificate the root before it did not sign",
    await made(async (lane) => {
      await rotateRoot(lane, root, mallory);
      return lane;
    }),
    invalid,
  );
  const plain = await made(undefined);
  const lost = (key: Signer): Trust =>
    sampleTrust({ compromised: [{ keyId: key.publicKey.keyId, since: early }] });
  await put(
    "bundle/reject/compromised-unbounded",
    "the trust file says that the issuer key is compromised, and nothing says when receipts were made",
    plain,
    unsure,
    lost(issuer),
  );
  await put("bundle/reject/root-compromised", "and that the issuer root is", plain, unsure, lost(root));
  await put("bundle/reject/owner-compromised", "and that the owner's key is", plain, unsure, lost(olga));
  const approved: SampleOptions = {
    steps: [...(small.steps ?? []).slice(0, 1), { id: "probe", uses: "example.probe@1.0.0", with: HOST }],
  };
  await put(
    "bundle/reject/approver-revoked",
    "an approval by a key that was revoked later, and nothing says when it was recorded",
    await made(undefined, { ...approved, after: (lane) => revoke(lane, anna, early, olga) }),
    unsure,
  );
  const byOlga = (next: Lane) => revoke(next, issuer, "2026-11-23T10:00:00.000Z", olga);
  await put(
    "bundle/reject/revocation-by-compromised",
    "an issuer key that an owner revoked whose key, says the trust file, may have been in other hands",
    await ended(byOlga),
    unsure,
    lost(olga),
  );
  await put(
    "bundle/reject/revocation-by-revoked",
    "an issuer key that an owner revoked whose key the root then revoked",
    await ended(byOlga, (next) => revoke(next, olga, early, root, null)),
    unsure,
  );
  await put(
    "bundle/reject/revocation-after-revocation",
    "a revocation by an owner whose key was revoked before; the authorization is bounded before that",
    await stampBundle(
      await made(undefined, {
        after: async (lane) => {
          await revoke(lane, olga, "2026-11-25T00:00:00.000Z", root, null);
          await revoke(lane, mallory, early, olga);
        },
      }),
      { claim: (signature) => [stampAtNoon(signature)] },
    ),
    invalid,
    sampleTrust({
      timeAuthorities: [{ name: "one", certificates: [toBase64(makeAuthority("one").root.der)] }],
    }),
  );
  await put(
    "bundle/accept/revoked-itself",
    "a new root that revokes itself, and certified nothing",
    await made(async (lane) => {
      await rotateRoot(lane, root);
      await revoke(lane, nextRoot, early, nextRoot, null);
      return lane;
    }),
    valid,
  );
  const seen = await sampleBundle({
    ...small,
    before: async (lane) => {
      await revoke(lane, anna, early, olga);
      for (let second = 0; second < 20; second++) lane.clock();
      return lane;
    },
  });
  await put(
    "bundle/reject/revocation-unseen",
    "gates that did not see that a key was revoked",
    await forge(seen, { gateRecord: (record) => Reflect.deleteProperty(record.live, "revokedKeys") }),
    { verdict: "invalid", codes: ["FAILURE_DECISION_MISMATCH"] },
  );
}

function stampAtNoon(signature: Uint8Array): Uint8Array {
  return makeTimestamp(signature, {
    signer: makeAuthority("one").signer,
    at: Date.parse("2026-11-23T12:00:00.000Z"),
  });
}

function tarOf(files: ReadonlyMap<string, Uint8Array>): Promise<Uint8Array> {
  const entries = [...files].map(([path, bytes]) => ({
    path,
    size: bytes.length,
    read: () =>
      (async function* () {
        yield bytes;
      })(),
  }));
  return collectBytes(writeTar(entries), 1 << 26);
}

/** Path of a captured artifact that is no gate record. */
function capturedIn(files: ReadonlyMap<string, Uint8Array>): string {
  const found = [...files].find(
    ([path, bytes]) => path.startsWith("artifacts/") && !decoder.decode(bytes).includes("gate-record"),
  );
  return found?.[0] ?? "";
}

/** Bytes of the first file with its header. */
function firstEntry(tar: Uint8Array): number {
  const size = Number.parseInt(decoder.decode(tar.subarray(124, 135)), 8);
  return 512 + Math.ceil(size / 512) * 512;
}

/** Puts `prefix` before the first path and mends the checksum. */
function renamed(tar: Uint8Array, prefix: string): Uint8Array {
  const out = tar.slice();
  const name = prefix + decoder.decode(tar.subarray(0, 100)).replace(/\0.*$/s, "");
  out.set(encoder.encode(name), 0);
  out.set(encoder.encode("        "), 148);
  const sum = out.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  out.set(encoder.encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return out;
}

function withOtherKeyId(line: string): string {
  const bundle = JSON.parse(line);
  bundle.dsseEnvelope.signatures[0].keyid = "SHA256:other";
  bundle.verificationMaterial.publicKey.hint = "SHA256:other";
  return canonicalJson(bundle);
}

function streamHead(files: ReadonlyMap<string, Uint8Array>, stream: string): { seq: number; digest: string } {
  const claim = JSON.parse(decoder.decode(files.get("CLAIM.sigstore.json")));
  const { seq, digest } = JSON.parse(decoder.decode(fromBase64(claim.dsseEnvelope.payload))).predicate
    .streams[stream];
  return { seq, digest };
}
