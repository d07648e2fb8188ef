import type { RootCertificate } from "../contract/key-statements.ts";
import type { KeyCertificate } from "../contract/signed-statements.ts";
import { canonicalBytes } from "../format/canonical-json.ts";
import { sha256Hex } from "../format/crypto.ts";
import type { Envelope } from "../format/dsse.ts";
import { type PublicKey, publicKeyText } from "../format/public-key.ts";
import { type Signer, signEnvelope } from "../format/signer.ts";
import {
  KEY_CERTIFICATE_PREDICATE,
  ROOT_CERTIFICATE_PREDICATE,
  STATEMENT_TYPE,
} from "../format/statement.ts";

/**
 * Certifies an issuer key with the issuer root: a signed statement whose subject is the key (design
 * section 8, `spec/receipt.md`).
 */
export async function certifyKey(
  root: Signer,
  key: PublicKey,
  validity: { issuedAt: string; notBefore?: string; notAfter: string },
): Promise<Envelope> {
  const predicate: KeyCertificate = {
    schema: "witnessops/key-certificate/v1",
    publicKey: publicKeyText(key),
    keyId: key.keyId,
    purpose: "receipts",
    issuedAt: validity.issuedAt,
    notBefore: validity.notBefore ?? validity.issuedAt,
    notAfter: validity.notAfter,
  };
  const statement = {
    _type: STATEMENT_TYPE,
    subject: [{ name: "issuer-key", digest: { sha256: sha256Hex(key.spki) } }],
    predicateType: KEY_CERTIFICATE_PREDICATE,
    predicate,
  };
  return signEnvelope(root, canonicalBytes(statement));
}

/** Certifies the issuer root that comes after this one (`spec/keys.md`, Roots). */
export async function certifyRoot(previous: Signer, next: PublicKey, issuedAt: string): Promise<Envelope> {
  const predicate: RootCertificate = {
    schema: "witnessops/root-certificate/v1",
    publicKey: publicKeyText(next),
    keyId: next.keyId,
    previous: previous.publicKey.keyId,
    issuedAt,
  };
  const statement = {
    _type: STATEMENT_TYPE,
    subject: [{ name: "issuer-root", digest: { sha256: sha256Hex(next.spki) } }],
    predicateType: ROOT_CERTIFICATE_PREDICATE,
    predicate,
  };
  return signEnvelope(previous, canonicalBytes(statement));
}
