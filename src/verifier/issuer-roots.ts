import { type RootCertificate, rootCertificateSchema } from "../contract/key-statements.ts";
import { sha256Hex } from "../format/crypto.ts";
import type { Envelope } from "../format/dsse.ts";
import type { PublicKey } from "../format/public-key.ts";
import { ROOT_CERTIFICATE_PREDICATE } from "../format/statement.ts";
import { type Anchor, isValidAt } from "./anchor.ts";
import type { Bundle } from "./bundle.ts";
import type { Findings } from "./layer.ts";
import { readKey } from "./read-certificate.ts";
import type { Receipt } from "./read-receipts.ts";
import { type Read, readStatement } from "./sigstore-envelope.ts";
import { verifyEnvelope } from "./verify-envelope.ts";

/** A key that may certify issuer keys of the bundle's workspace. */
export interface IssuerRoot {
  readonly key: PublicKey;
  /** The reviewer's name for it, or for the root that it follows from; undefined when it follows from none of theirs. */
  readonly name: string | undefined;
  readonly notBefore?: string;
  readonly notAfter?: string;
  /** Who certified it, and the receipt that says so; undefined for a root that the trust file or the workspace names. */
  readonly from: { readonly root: IssuerRoot; readonly receipt: Receipt } | undefined;
  /** Position in the workspace's stream of the receipt by which it ended; undefined while it holds. */
  endedAt: number | undefined;
}

/** A root certificate whose form was checked, but not its signature. */
export function rootCertificateOf(
  envelope: Envelope,
): Read<{ readonly certificate: RootCertificate; readonly key: PublicKey }> {
  const read = readStatement<RootCertificate>(envelope, ROOT_CERTIFICATE_PREDICATE, rootCertificateSchema);
  if ("faults" in read) return read;
  const { predicate: certificate, subject } = read.value;
  const key = readKey(certificate.publicKey);
  const isOwn =
    key !== undefined &&
    key.keyId === certificate.keyId &&
    subject.length === 1 &&
    subject[0]?.name === "issuer-root" &&
    subject[0].digest.sha256 === sha256Hex(key.spki);
  if (isOwn) return { value: { certificate, key } };
  const message = "the root certificate does not name the key that it is about";
  return { faults: [{ code: "FAILURE_DIGEST_MISMATCH", message }] };
}

/** The issuer root that the workspace names for itself in its first receipt. Proves nothing without trust. */
export function declaredRoot(bundle: Bundle): PublicKey | undefined {
  const first = bundle.streams
    .get("workspace")
    ?.find(({ predicate }) => predicate.event === "workspace-created");
  const root = first?.predicate.detail?.root as { publicKey?: unknown } | undefined;
  return typeof root?.publicKey === "string" ? readKey(root.publicKey) : undefined;
}

/**
 * The roots that may have certified the bundle's issuer keys: those of the trust file, the one that the workspace names,
 * and, in the order of their receipts, each that an earlier one certified (`spec/keys.md`, Roots).
 */
export async function issuerRoots(bundle: Bundle, anchor: Anchor, findings: Findings): Promise<IssuerRoot[]> {
  const roots: IssuerRoot[] = anchor.roots.map((root) => ({ ...root, from: undefined, endedAt: undefined }));
  const declared = declaredRoot(bundle);
  if (declared !== undefined && !roots.some(({ key }) => key.keyId === declared.keyId))
    roots.push({ key: declared, name: undefined, from: undefined, endedAt: undefined });
  const rotations = (bundle.streams.get("workspace") ?? []).filter(
    ({ predicate }) => predicate.event === "root-rotated",
  );
  for (const receipt of rotations) await followRotation(bundle, receipt, roots, findings);
  return roots;
}

async function followRotation(
  bundle: Bundle,
  receipt: Receipt,
  roots: IssuerRoot[],
  findings: Findings,
): Promise<void> {
  const at = { receipt: receipt.digest };
  const invalid = (message: string): void => findings.fail("FAILURE_SIGNATURE_INVALID", message, at);
  const { ledger, detail } = receipt.predicate;
  const envelope = bundle.envelope("root-certificate", String(detail?.certificate));
  const read = envelope && rootCertificateOf(envelope);
  // One that is absent or malformed is reported by the layer `structure`.
  if (envelope === undefined || read === undefined || "faults" in read) return;
  const { certificate, key } = read.value;
  const root = await rootOf(envelope, roots);
  if (root === undefined) {
    const isListed = roots.some((known) => known.key.keyId === certificate.previous);
    if (isListed) invalid("the root certificate is not signed by the root that it names");
    else findings.doubt("a root is certified by one that neither the bundle nor the trust file names");
    return;
  }
  if (root.endedAt !== undefined) return invalid("a root was certified by one that had ended before");
  if (root.name !== undefined && !isValidAt(root, certificate.issuedAt)) {
    const message = `the root \`${root.name}\` was not valid when it certified the one after it`;
    findings.contradict("FAILURE_SIGNATURE_INVALID", message, at);
  }
  if (key.keyId === root.key.keyId) return invalid("a root certified itself");
  root.endedAt = ledger.seq;
  if (roots.some((known) => known.key.keyId === key.keyId)) return;
  roots.push({ key, name: root.name, from: { root, receipt }, endedAt: undefined });
}

/** The root that signed a certificate; undefined when none of them did. */
export async function rootOf(
  envelope: Envelope,
  roots: readonly IssuerRoot[],
): Promise<IssuerRoot | undefined> {
  for (const root of roots) if (await verifyEnvelope(root.key, envelope)) return root;
  return undefined;
}
