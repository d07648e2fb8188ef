// The bundles of vectors/ that have time-stamps, by test authorities with fixed RSA keys: they come out the same each time.
import type { Trust } from "../src/contract/trust.ts";
import { toBase64 } from "../src/format/base64.ts";
import {
  extensions,
  keyOf,
  makeAuthority,
  makeCertificate,
  makeTimestamp,
  rootExtensions,
  SERVER_AUTH,
  signerExtensions,
  type TestCertificate,
  type TokenOptions,
} from "../test/fixtures/make-timestamp.ts";
import { type SampleBundle, sampleTrust } from "../test/fixtures/sample-bundle.ts";
import { stampBundle, stampEnds } from "../test/fixtures/stamp-bundle.ts";
import { transplant } from "../test/fixtures/transplant.ts";

/** A bundle, and what a verifier must find with that trust file. */
export interface BundleVector {
  readonly path: string;
  readonly about: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly trust: Trust;
  readonly expect: {
    readonly verdict: "valid" | "invalid" | "indeterminate";
    readonly codes: readonly string[];
  };
}

const NOON = Date.parse("2026-11-23T12:00:00.000Z");
type Make = (signature: Uint8Array, event: string) => Uint8Array | undefined;

/** Bundles with time-stamps, right and wrong; the run of each promised the layer `time`. */
export async function timeVectors(sample: SampleBundle): Promise<BundleVector[]> {
  const promised = await transplant(sample, { run: (document) => void document.requiredLayers.push("time") });
  const { root, signer } = makeAuthority("one");
  const two = makeAuthority("two", { rootKey: keyOf("other"), signerKey: keyOf("other") });
  const listed = (name: string, ...certificates: TestCertificate[]) => ({
    name,
    certificates: certificates.map(({ der }) => toBase64(der)),
  });
  const trust = sampleTrust({ timeAuthorities: [listed("one", root)] });
  const both = { timeAuthorities: [listed("one", root), listed("two", two.root)], timeThreshold: 2 };
  const by =
    (certificate: TestCertificate, options: Partial<TokenOptions> = {}): Make =>
    (signature) =>
      makeTimestamp(signature, { signer: certificate, at: NOON, ...options });
  const good = by(signer, { accuracySeconds: 1, nonce: Uint8Array.of(0x8a, 1, 2, 3) });
  const stamped = (...make: Make[]) => stampBundle(promised, { receipt: stampEnds(...make) });
  const signerWith = (options: object) => makeAuthority("one", { signer: options }).signer;
  const middle = makeCertificate({
    subject: "middle",
    key: keyOf("other"),
    by: root,
    serial: 9,
    extensions: rootExtensions,
  });
  const leaf = makeCertificate({
    subject: "leaf",
    key: keyOf("signer"),
    by: middle,
    serial: 3,
    extensions: signerExtensions,
  });
  const twin = makeCertificate({
    subject: "twin",
    key: keyOf("other"),
    by: root,
    signedWith: keyOf("other"),
    serial: 7,
    extensions: signerExtensions,
  });
  const cross = makeCertificate({
    subject: "one root",
    key: keyOf("root"),
    by: two.root,
    serial: 21,
    extensions: rootExtensions,
  });
  const again = makeCertificate({
    subject: "two signer",
    key: keyOf("signer"),
    by: two.root,
    serial: 22,
    extensions: signerExtensions,
  });
  const crossed = by(signer, { certificates: [signer.der, cross.der] });
  const impostor = makeAuthority("one", { rootKey: keyOf("other"), signerKey: keyOf("other") });

  const accept = async (
    name: string,
    about: string,
    files: ReadonlyMap<string, Uint8Array>,
    judged = trust,
  ) =>
    ({
      path: `bundle/accept/time-${name}`,
      about,
      files,
      trust: judged,
      expect: { verdict: "valid", codes: [] },
    }) as const;
  // A good token stands beside the bad one: what was promised is there.
  const reject = async (name: string, about: string, make: Make, judged = trust) =>
    ({
      path: `bundle/reject/time-${name}`,
      about,
      files: await stamped(good, make),
      trust: judged,
      expect: { verdict: "invalid", codes: ["FAILURE_TIMESTAMP_INVALID"] },
    }) as const;
  const open = async (name: string, about: string, files: ReadonlyMap<string, Uint8Array>, judged = trust) =>
    ({
      path: `bundle/reject/time-${name}`,
      about,
      files,
      trust: judged,
      expect: { verdict: "indeterminate", codes: [] },
    }) as const;

  return [
    await accept("stamped", "opening and closing of the run have a token", await stamped(good)),
    await accept(
      "claim",
      "the claim too",
      await stampBundle(promised, { receipt: stampEnds(good), claim: (sig) => [good(sig, "") ?? sig] }),
    ),
    await accept(
      "intermediate",
      "a path over an intermediate that came with the token",
      await stamped(by(leaf, { certificates: [middle.der, leaf.der] })),
    ),
    await accept(
      "no-certificate",
      "the signer's certificate stands in the trust file alone",
      await stamped(by(signer, { certificates: [] })),
      sampleTrust({ timeAuthorities: [listed("one", root, signer)] }),
    ),
    await accept(
      "injected",
      "other certificates in the bag, with the signer's issuer and serial number too",
      await stamped(by(signer, { certificates: [two.root.der, twin.der, signer.der] })),
    ),
    await accept(
      "sha512",
      "signed with SHA-512, without signingCertificateV2",
      await stamped(by(signer, { hash: "sha512", ess: null })),
    ),
    await accept(
      "threshold",
      "two of two authorities",
      await stamped(good, by(two.signer)),
      sampleTrust(both),
    ),
    await accept(
      "late",
      "the closing was stamped before the opening",
      await stamped((sig, event) =>
        by(signer, { at: NOON + (event === "run-opened" ? 3_600_000 : 0) })(sig, event),
      ),
    ),
    await reject("other-signature", "a token over another signature", () => good(new Uint8Array(64), "")),
    await reject("refused", "an answer that grants nothing", by(signer, { status: 2 })),
    await reject(
      "expired",
      "the signer's certificate was expired",
      by(signerWith({ notAfter: "20261123110000Z" })),
    ),
    await reject(
      "wrong-purpose",
      "the signer's certificate is a server's",
      by(signerWith({ extensions: [extensions.purposes(true, SERVER_AUTH)] })),
    ),
    await reject(
      "purpose-not-critical",
      "its purpose is not critical",
      by(signerWith({ extensions: [extensions.purposes(false, "1.3.6.1.5.5.7.3.8")] })),
    ),
    await reject(
      "unknown-critical",
      "it has a critical extension that nobody knows",
      by(signerWith({ extensions: [...signerExtensions, extensions.unknown(true)] })),
    ),
    await reject("signature", "signed with another key", by(signer, { signedWith: keyOf("other") })),
    await reject(
      "message-digest",
      "signed over another content",
      by(signer, { messageDigest: new Uint8Array(32) }),
    ),
    await reject(
      "content-type",
      "signed as another content type",
      by(signer, { signedContentType: "1.2.840.113549.1.7.1" }),
    ),
    await reject(
      "other-certificate-hash",
      "signingCertificateV2 names another certificate",
      by(signer, { ess: root.der }),
    ),
    await reject(
      "injected-signer",
      "a certificate with the signer's issuer and serial number, which the issuer did not sign",
      by(twin),
    ),
    await reject("impostor", "an authority that has a trusted one's name", by(impostor.signer)),
    await reject(
      "not-authority",
      "an intermediate that may not issue certificates",
      by(
        makeCertificate({
          subject: "leaf",
          key: keyOf("signer"),
          by: signer,
          serial: 3,
          extensions: signerExtensions,
        }),
        {
          certificates: [
            makeCertificate({
              subject: "leaf",
              key: keyOf("signer"),
              by: signer,
              serial: 3,
              extensions: signerExtensions,
            }).der,
            signer.der,
          ],
        },
      ),
    ),
    await reject(
      "before-claim",
      "the receipt claims to be of two hours after it was stamped",
      by(signer, { at: NOON - 4 * 3_600_000 }),
    ),
    await reject(
      "trusted-until",
      "the authority is trusted until an hour before",
      good,
      sampleTrust({ timeAuthorities: [{ ...listed("one", root), notAfter: "2026-11-23T11:00:00Z" }] }),
    ),
    {
      path: "bundle/reject/time-absent",
      about: "the run promised time-stamps, and its closing has none",
      files: await stamped((sig, event) => (event === "run-opened" ? good(sig, event) : undefined)),
      trust,
      expect: { verdict: "invalid", codes: ["FAILURE_COMPLETENESS"] },
    },
    await open("foreign", "an authority that the trust file does not list", await stamped(by(two.signer))),
    await accept(
      "cross-certified",
      "two authorities that certified one another, the second with a key of its own",
      await stamped(crossed, by(two.signer)),
      sampleTrust(both),
    ),
    await open(
      "cross-certified",
      "one token whose path leads to both of two authorities",
      await stamped(crossed),
      sampleTrust(both),
    ),
    await open(
      "one-key-two-names",
      "two tokens by one key that both of two authorities certified",
      await stamped(good, by(again)),
      sampleTrust(both),
    ),
    await open("one-of-two", "one of two authorities", await stamped(good), sampleTrust(both)),
    await open(
      "required",
      "a layer that only the reviewer requires",
      sample.files,
      sampleTrust({ require: ["time"] }),
    ),
  ];
}
