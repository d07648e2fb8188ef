import { verifySignature } from "./crypto.ts";
import { DerReader, derTags, sameBytes } from "./der-reader.ts";
import {
  type CertificateKey,
  keyKindOf,
  readScheme,
  type SignatureScheme,
  signatureAlgorithmOf,
} from "./x509-algorithm.ts";

/** A certificate (RFC 5280) as far as a path to a time stamping authority needs it. Nothing is verified. */
export interface X509Certificate {
  /** All of its bytes. */
  readonly der: Uint8Array;
  /** What its issuer signed. */
  readonly signed: Uint8Array;
  /** Content of the INTEGER. */
  readonly serial: Uint8Array;
  /** DER of the name: names are compared byte for byte. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Milliseconds since the epoch, both ends included. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** Undefined for a key that is not verified with here. */
  readonly key: CertificateKey | undefined;
  /** Undefined for an algorithm that is not verified here. */
  readonly scheme: SignatureScheme | undefined;
  readonly signature: Uint8Array;
  /** Whether it may issue certificates (`basicConstraints`), and how many issuers may stand below it. */
  readonly authority: { readonly pathLength: number | undefined } | undefined;
  /** Bits of `keyUsage`, the first as 1; undefined without that extension. */
  readonly keyUsage: number | undefined;
  readonly extendedKeyUsage: { readonly critical: boolean; readonly purposes: readonly string[] } | undefined;
  /** It has a critical extension that is not understood here. */
  readonly unknownCritical: boolean;
}

/** Bits of `keyUsage` (RFC 5280, 4.2.1.3). */
export const keyUsages = { digitalSignature: 1, nonRepudiation: 2, keyCertSign: 32 } as const;
/** `id-kp-timeStamping` (RFC 3161, 2.3). */
export const TIME_STAMPING = "1.3.6.1.5.5.7.3.8";

const BASIC_CONSTRAINTS = "2.5.29.19";
const KEY_USAGE = "2.5.29.15";
const EXTENDED_KEY_USAGE = "2.5.29.37";
const MAX_EXTENSIONS = 50;
const MAX_PURPOSES = 50;
const V3 = 2;

/** Reads one certificate, and nothing after it. @throws FormatError `DER_MALFORMED`. */
export function parseX509(der: Uint8Array): X509Certificate {
  const outer = new DerReader(der);
  const parts = outer.inside(derTags.sequence);
  outer.end();
  const signed = parts.element(derTags.sequence);
  const scheme = readScheme(parts);
  const { bytes: signature } = parts.bits();
  parts.end();

  const body = new DerReader(signed.content);
  const versioned = body.optionalInside(0xa0);
  const version = versioned?.count() ?? 0;
  versioned?.end();
  const serial = body.integer();
  const inner = body.element(derTags.sequence);
  const issuer = body.element(derTags.sequence).whole;
  const validity = body.inside(derTags.sequence);
  const notBefore = validity.time();
  const notAfter = validity.time();
  validity.end();
  const subject = body.element(derTags.sequence).whole;
  const spki = body.element(derTags.sequence).whole;
  body.optional(0x81);
  body.optional(0x82);
  const extensions = version === V3 ? readExtensions(body.optionalInside(0xa3)) : {};
  body.end();
  // The algorithm stands twice, once signed: RFC 5280 wants both to be the same.
  const innerScheme = readScheme(new DerReader(inner.whole));
  const isSame = innerScheme?.family === scheme?.family && innerScheme?.hash === scheme?.hash;
  return Object.freeze({
    der,
    signed: signed.whole,
    serial,
    issuer,
    subject,
    notBefore,
    notAfter,
    spki,
    key: keyKindOf(spki),
    scheme: isSame ? scheme : undefined,
    signature,
    authority: extensions.authority,
    keyUsage: extensions.keyUsage,
    extendedKeyUsage: extensions.extendedKeyUsage,
    unknownCritical: extensions.unknownCritical ?? false,
  });
}

interface Extensions {
  authority?: { readonly pathLength: number | undefined } | undefined;
  keyUsage?: number;
  extendedKeyUsage?: { readonly critical: boolean; readonly purposes: readonly string[] };
  unknownCritical?: boolean;
}

function readExtensions(explicit: DerReader | undefined): Extensions {
  const found: Extensions = {};
  if (explicit === undefined) return found;
  const seen = new Set<string>();
  explicit.inside(derTags.sequence).each(MAX_EXTENSIONS, (list) => {
    const extension = list.inside(derTags.sequence);
    const oid = extension.oid();
    const critical = extension.is(derTags.boolean) && extension.boolean();
    const value = new DerReader(extension.element(derTags.octetString).content);
    extension.end();
    // One that stands twice is understood in neither place.
    if (seen.has(oid)) found.unknownCritical = true;
    else if (!readExtension(found, oid, critical, value) && critical) found.unknownCritical = true;
    seen.add(oid);
  });
  explicit.end();
  return found;
}

/** Whether the extension is one that is understood here. */
function readExtension(found: Extensions, oid: string, critical: boolean, value: DerReader): boolean {
  switch (oid) {
    case BASIC_CONSTRAINTS: {
      const constraints = value.inside(derTags.sequence);
      const isAuthority = constraints.is(derTags.boolean) && constraints.boolean();
      const pathLength = constraints.tag === undefined ? undefined : constraints.count();
      constraints.end();
      found.authority = isAuthority ? { pathLength } : undefined;
      break;
    }
    case KEY_USAGE: {
      const { bytes } = value.bits();
      found.keyUsage = 0;
      for (let bit = 0; bit < 8; bit++)
        if (((bytes[0] ?? 0) & (0x80 >> bit)) !== 0) found.keyUsage |= 1 << bit;
      break;
    }
    case EXTENDED_KEY_USAGE: {
      const purposes = value.inside(derTags.sequence).each(MAX_PURPOSES, (list) => list.oid());
      found.extendedKeyUsage = { critical, purposes };
      break;
    }
    default:
      return false;
  }
  value.end();
  return true;
}

/** Whether a certificate is signed by the key of another. */
export async function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): Promise<boolean> {
  const algorithm = signatureAlgorithmOf(issuer.key, certificate.scheme);
  if (algorithm === undefined) return false;
  return verifySignature({ algorithm, spki: issuer.spki }, certificate.signed, certificate.signature);
}

/** Whether two are the same certificate. */
export function isSameCertificate(a: X509Certificate, b: X509Certificate): boolean {
  return sameBytes(a.der, b.der);
}
