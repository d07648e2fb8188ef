import { CLAIM_PATH } from "../contract/proof-bundle.ts";
import type { KeyCertificate } from "../contract/signed-statements.ts";
import type { Digest } from "../format/digest.ts";
import type { Envelope } from "../format/dsse.ts";
import type { PublicKey } from "../format/public-key.ts";
import { type Anchor, isValidAt } from "./anchor.ts";
import type { Bundle } from "./bundle.ts";
import { placed } from "./check-document.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import { CompromisedKeys, isLater, type Signed, signedBy } from "./compromised-keys.ts";
import { type IssuerRoot, issuerRoots, rootOf } from "./issuer-roots.ts";
import { judgeStatements } from "./judge-statements.ts";
import { keyRevocations } from "./key-revocations.ts";
import { Findings, type LayerResult } from "./layer.ts";
import { mapAhead } from "./map-ahead.ts";
import { certificateOf } from "./read-certificate.ts";
import type { Receipt } from "./read-receipts.ts";
import { type TimeBoundsOf, unbounded } from "./time-bounds.ts";
import { verifyEnvelope } from "./verify-envelope.ts";

const MAX_TRIED_KEYS = 64;
/** Signatures under way at once: enough to keep every core busy. */
const AHEAD = 256;

/** An issuer key that the workspace's root certified. */
export interface IssuerKey {
  readonly key: PublicKey;
  readonly certificate: KeyCertificate;
  /** Name of the reviewer's root that certified it; undefined when no root of theirs did. */
  readonly root: string | undefined;
  /** The receipt after which it signs nothing. */
  readonly retired: Receipt | undefined;
}

/** Who signed what, as far as it could be checked. */
export interface Signers {
  readonly layer: LayerResult;
  /** Receipts whose signature verifies under a certified key. */
  readonly verified: ReadonlySet<Digest>;
  /** Receipts that the log stands for, as asked: nobody looked at their signatures. */
  readonly unchecked: ReadonlySet<Digest>;
  /** Whether the claim is signed by a certified key: without it, nobody stands for the bundle as a whole. */
  readonly claimed: boolean;
}

interface Work {
  readonly bundle: Bundle;
  readonly anchor: Anchor;
  readonly findings: Findings;
  readonly compromised: CompromisedKeys;
}

/**
 * Layer 3: the claim and every receipt are signed by a key that an issuer root certified, and that was neither retired
 * nor in other hands (`spec/keys.md`).
 *
 * @param boundsOf when receipts were made, by others than their host. Default: nobody knows.
 * @param isSkipped the receipts whose signatures nobody asks for. Default: none.
 */
export async function checkSignatures(
  bundle: Bundle,
  anchor: Anchor,
  runs: readonly ClaimedRun[] = [],
  boundsOf: TimeBoundsOf = unbounded,
  isSkipped: (receipt: Receipt) => boolean = () => false,
): Promise<Signers> {
  const findings = new Findings("signatures");
  const roots = await issuerRoots(bundle, anchor, findings);
  const revocations = await keyRevocations(bundle, runs, roots, anchor, findings);
  const compromised = new CompromisedKeys(anchor, revocations, boundsOf, findings);
  const work: Work = { bundle, anchor, findings, compromised };
  judgeRoots(roots, compromised);
  const keys = await certifiedKeys(work, roots);
  const verified = new Set<Digest>();
  let claimed = false;
  if (bundle.claim !== undefined) {
    const { envelope, digest, predicate } = bundle.claim;
    const signed = { digest, claimedUtc: predicate.exportedAt, seq: undefined, at: { path: CLAIM_PATH } };
    claimed = await checkOne(envelope, signed, "the claim", keys, work);
  }
  const byId = new Map(keys.map((signer) => [signer.key.keyId, signer.key]));
  const byHint = ({ envelope }: Receipt): Promise<boolean> => {
    const key = byId.get(envelope.signature.keyId);
    return key === undefined ? Promise.resolve(false) : verifyEnvelope(key, envelope);
  };
  const due = bundle.receipts.filter((receipt) => !isSkipped(receipt));
  const unchecked = new Set(bundle.receipts.filter(isSkipped).map(({ digest }) => digest));
  if (unchecked.size > 0)
    findings.doubt(
      `${unchecked.size} receipts are not individually signature-checked: the log stands for them`,
    );
  for await (const [receipt, isHinted] of mapAhead(due, AHEAD, byHint)) {
    const hinted = isHinted ? byId.get(receipt.envelope.signature.keyId) : undefined;
    if (await checkOne(receipt.envelope, signedBy(receipt), "a receipt", keys, work, hinted))
      verified.add(receipt.digest);
  }
  await judgeStatements(bundle, runs, anchor, compromised);
  if (!anchor.given) findings.untested("no trust file was given: the signers are unknown");
  if (bundle.receipts.length === 0) findings.doubt("there is no receipt to check");
  return { layer: findings.end({ anchored: "established" }), verified, unchecked, claimed };
}

/** A root that was certified by one which may have been in other hands by then. */
function judgeRoots(roots: readonly IssuerRoot[], compromised: CompromisedKeys): void {
  for (const { from } of roots) {
    if (from === undefined) continue;
    compromised.judge([from.root.key.keyId], signedBy(from.receipt), "the certificate of a root");
  }
}

async function certifiedKeys(work: Work, roots: readonly IssuerRoot[]): Promise<IssuerKey[]> {
  const { bundle, findings, compromised } = work;
  const workspace = bundle.streams.get("workspace") ?? [];
  const keys: IssuerKey[] = [];
  for (const { digest, envelope, path } of bundle.envelopes("key-certificate")) {
    const invalid = (message: string): void => findings.fail("FAILURE_SIGNATURE_INVALID", message, { path });
    const read = certificateOf(envelope);
    if ("faults" in read) {
      findings.failAll(placed(read.faults, { path }));
      continue;
    }
    const { certificate, key } = read.value;
    const root = await rootOf(envelope, roots);
    if (root === undefined) {
      const isListed = roots.some((known) => known.key.keyId === envelope.signature.keyId);
      if (isListed) invalid("the certificate's signature does not verify");
      else
        findings.doubt("a certificate is signed by a root that neither the bundle nor the trust file names");
      continue;
    }
    if (root.name !== undefined && !isValidAt(root, certificate.issuedAt)) {
      const message = `the root \`${root.name}\` was not valid when it certified the key`;
      findings.contradict("FAILURE_SIGNATURE_INVALID", message, { path });
    }
    const certified = workspace.find(
      ({ predicate: { event, detail } }) => event === "key-certified" && detail?.certificate === digest,
    );
    const endedAt = root.endedAt ?? Number.POSITIVE_INFINITY;
    if (
      (certified?.predicate.ledger.seq ?? endedAt) > endedAt ||
      (!certified && root.endedAt !== undefined)
    ) {
      invalid("an issuer key was certified by a root that had ended before");
      continue;
    }
    const signed = certified
      ? signedBy(certified)
      : { digest, claimedUtc: certificate.issuedAt, seq: undefined, at: { path } };
    compromised.judge([root.key.keyId], signed, "the certificate of an issuer key");
    const retired = workspace.find(
      ({ predicate: { event, detail } }) => event === "key-retired" && detail?.keyId === key.keyId,
    );
    keys.push({ key, certificate, root: root.name, retired });
  }
  return keys;
}

/** @param known the key under which the signature was found to verify, when that was tried before. */
async function checkOne(
  envelope: Envelope,
  signed: Signed,
  what: string,
  keys: readonly IssuerKey[],
  { anchor, findings, compromised }: Work,
  known?: PublicKey,
): Promise<boolean> {
  const { at } = signed;
  const { keyId } = envelope.signature;
  // The key id is a hint: it says where to look first, never whom to believe.
  const hinted = keys.filter((candidate) => candidate.key.keyId === keyId);
  const others = keys.filter((candidate) => candidate.key.keyId !== keyId).slice(0, MAX_TRIED_KEYS);
  for (const signer of [...hinted, ...others]) {
    if (signer.key !== known && !(await verifyEnvelope(signer.key, envelope))) continue;
    if (!isValidAt(signer.certificate, signed.claimedUtc)) {
      findings.fail("FAILURE_SIGNATURE_INVALID", "the issuer key was not valid at the time claimed", at);
      return false;
    }
    if (signer.retired !== undefined && isLater(signed, signer.retired)) {
      findings.fail("FAILURE_SIGNATURE_INVALID", `${what} is by an issuer key that was retired before`, at);
      return false;
    }
    if (!compromised.judge([signer.key.keyId], signed, what)) return false;
    // Nothing else in the bundle holds the claim's own words: not even a hint may be changed in it.
    if (at.path === CLAIM_PATH && keyId !== signer.key.keyId)
      findings.fail("FAILURE_DIGEST_MISMATCH", "the claim names another key than signed it", at);
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
