import { CLAIM_PATH } from "../contract/proof-bundle.ts";
import type { KeyCertificate } from "../contract/signed-statements.ts";
import { verifySignature } from "../format/crypto.ts";
import type { Digest } from "../format/digest.ts";
import { type Envelope, preAuthEncoding } from "../format/dsse.ts";
import type { PublicKey } from "../format/public-key.ts";
import { type Anchor, isValidAt } from "./anchor.ts";
import type { Bundle } from "./bundle.ts";
import { placed } from "./check-document.ts";
import { Findings, type LayerResult } from "./layer.ts";
import { certificateOf, readKey } from "./read-certificate.ts";

const MAX_TRIED_KEYS = 64;

/** An issuer key that the workspace's root certified. */
export interface IssuerKey {
  readonly key: PublicKey;
  readonly certificate: KeyCertificate;
  /** Name of the reviewer's root that certified it; undefined when no root of theirs did. */
  readonly root: string | undefined;
}

/** Who signed what, as far as it could be checked. */
export interface Signers {
  readonly layer: LayerResult;
  /** Receipts whose signature verifies under a certified key. */
  readonly verified: ReadonlySet<Digest>;
  /** Whether the claim is signed by a certified key: without it, nobody stands for the bundle as a whole. */
  readonly claimed: boolean;
}

/** Whether a DSSE signature verifies under a key. */
export function verifyEnvelope(key: PublicKey, envelope: Envelope): Promise<boolean> {
  const message = preAuthEncoding(envelope.payloadType, envelope.payload);
  return verifySignature(key, message, envelope.signature.sig);
}

/** The issuer root that the workspace names for itself in its first receipt. Proves nothing without trust. */
export function declaredRoot(bundle: Bundle): PublicKey | undefined {
  const first = bundle.streams
    .get("workspace")
    ?.find(({ predicate }) => predicate.event === "workspace-created");
  const root = first?.predicate.detail?.root as { publicKey?: unknown } | undefined;
  return typeof root?.publicKey === "string" ? readKey(root.publicKey) : undefined;
}

/** Layer 3: the claim and every receipt are signed by a key that the issuer root certified. */
export async function checkSignatures(bundle: Bundle, anchor: Anchor): Promise<Signers> {
  const findings = new Findings("signatures");
  const keys = await certifiedKeys(bundle, anchor, findings);
  const verified = new Set<Digest>();
  let claimed = false;
  if (bundle.claim !== undefined) {
    const { envelope, predicate } = bundle.claim;
    claimed = await checkOne(envelope, predicate.exportedAt, keys, anchor, findings, { path: CLAIM_PATH });
  }
  for (const { envelope, digest, predicate } of bundle.receipts) {
    const at = { receipt: digest };
    if (await checkOne(envelope, predicate.time.claimedUtc, keys, anchor, findings, at)) verified.add(digest);
  }
  if (!anchor.given) findings.untested("no trust file was given: the signers are unknown");
  if (bundle.receipts.length === 0) findings.doubt("there is no receipt to check");
  return { layer: findings.end({ anchored: "established" }), verified, claimed };
}

async function certifiedKeys(bundle: Bundle, anchor: Anchor, findings: Findings): Promise<IssuerKey[]> {
  const declared = declaredRoot(bundle);
  const keys: IssuerKey[] = [];
  for (const { envelope, path } of bundle.envelopes("key-certificate")) {
    const read = certificateOf(envelope);
    if ("faults" in read) {
      findings.failAll(placed(read.faults, { path }));
      continue;
    }
    const { certificate, key } = read.value;
    const root = await trustedRoot(envelope, anchor);
    if (root !== undefined && !isValidAt(root, certificate.issuedAt)) {
      const message = `the root \`${root.name}\` was not valid when it certified the key`;
      findings.contradict("FAILURE_SIGNATURE_INVALID", message, { path });
    } else if (root === undefined && !(await signedByDeclared(envelope, declared))) {
      const { keyId } = envelope.signature;
      const listed = keyId === declared?.keyId || anchor.roots.some((known) => known.key.keyId === keyId);
      if (listed)
        findings.fail("FAILURE_SIGNATURE_INVALID", "the certificate's signature does not verify", { path });
      else
        findings.doubt("a certificate is signed by a root that neither the bundle nor the trust file names");
      continue;
    }
    keys.push({ key, certificate, root: root?.name });
  }
  return keys;
}

async function trustedRoot(envelope: Envelope, anchor: Anchor): Promise<Anchor["roots"][number] | undefined> {
  for (const root of anchor.roots) if (await verifyEnvelope(root.key, envelope)) return root;
  return undefined;
}

async function signedByDeclared(envelope: Envelope, declared: PublicKey | undefined): Promise<boolean> {
  return declared !== undefined && (await verifyEnvelope(declared, envelope));
}

async function checkOne(
  envelope: Envelope,
  claimedUtc: string,
  keys: readonly IssuerKey[],
  anchor: Anchor,
  findings: Findings,
  at: { path?: string; receipt?: Digest },
): Promise<boolean> {
  const { keyId } = envelope.signature;
  // The key id is a hint: it says where to look first, never whom to believe.
  const hinted = keys.filter((candidate) => candidate.key.keyId === keyId);
  const others = keys.filter((candidate) => candidate.key.keyId !== keyId).slice(0, MAX_TRIED_KEYS);
  for (const signer of [...hinted, ...others]) {
    if (!(await verifyEnvelope(signer.key, envelope))) continue;
    if (!isValidAt(signer.certificate, claimedUtc)) {
      findings.fail("FAILURE_SIGNATURE_INVALID", "the issuer key was not valid at the time claimed", at);
      return false;
    }
    if (signer.root === undefined && anchor.given) {
      findings.untested("an issuer key is certified by a root that is not in the trust file");
    }
    return true;
  }
  if (hinted.length > 0 || anchor.roots.some((root) => root.key.keyId === keyId)) {
    findings.fail("FAILURE_SIGNATURE_INVALID", "the signature does not verify", at);
  } else {
    findings.doubt("a signature is by a key that no certificate in the bundle names");
  }
  return false;
}
