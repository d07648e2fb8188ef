import type { HashName, SignatureAlgorithm } from "./crypto.ts";
import { DerReader, derTags } from "./der-reader.ts";

/** How something was signed, without the key: `hash` is undefined where the signer names it elsewhere. */
export interface SignatureScheme {
  readonly family: "rsa" | "ecdsa";
  readonly hash: HashName | undefined;
}
/** Kinds of public keys that signatures of certificates and tokens are verified with. */
export type CertificateKey = "rsa" | "p256" | "p384";

const HASHES: Readonly<Record<string, HashName>> = {
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};
const SCHEMES: Readonly<Record<string, SignatureScheme>> = {
  "1.2.840.113549.1.1.1": { family: "rsa", hash: undefined },
  "1.2.840.113549.1.1.11": { family: "rsa", hash: "sha256" },
  "1.2.840.113549.1.1.12": { family: "rsa", hash: "sha384" },
  "1.2.840.113549.1.1.13": { family: "rsa", hash: "sha512" },
  "1.2.840.10045.4.3.2": { family: "ecdsa", hash: "sha256" },
  "1.2.840.10045.4.3.3": { family: "ecdsa", hash: "sha384" },
  "1.2.840.10045.4.3.4": { family: "ecdsa", hash: "sha512" },
};
const RSA = "1.2.840.113549.1.1.1";
const EC = "1.2.840.10045.2.1";
const CURVES: Readonly<Record<string, readonly [CertificateKey, pointOctets: number]>> = {
  "1.2.840.10045.3.1.7": ["p256", 65],
  "1.3.132.0.34": ["p384", 97],
};
const MODULUS_BITS = { min: 2048, max: 8192 } as const;

/** An AlgorithmIdentifier without parameters, or with NULL (RFC 5280, 4.1.1.2); undefined for one with others. */
function plainAlgorithm(reader: DerReader): string | undefined {
  const inside = reader.inside(derTags.sequence);
  const oid = inside.oid();
  const parameters = inside.tag === undefined ? undefined : inside.element();
  inside.end();
  const isPlain =
    parameters === undefined || (parameters.tag === derTags.null && parameters.content.length === 0);
  return isPlain ? oid : undefined;
}

/** The hash function of an AlgorithmIdentifier; undefined for one that is not known here. @throws FormatError `DER_MALFORMED`. */
export function readHash(reader: DerReader): HashName | undefined {
  const oid = plainAlgorithm(reader);
  return oid === undefined ? undefined : HASHES[oid];
}

/** The signature scheme of an AlgorithmIdentifier; undefined for one that is not known here. @throws FormatError `DER_MALFORMED`. */
export function readScheme(reader: DerReader): SignatureScheme | undefined {
  const oid = plainAlgorithm(reader);
  return oid === undefined ? undefined : SCHEMES[oid];
}

/**
 * Of which kind a SubjectPublicKeyInfo is: RSA of 2,048 to 8,192 bits, P-256 or P-384, uncompressed (RFC 3279, RFC
 * 5480). Undefined for a key that is not verified with here.
 *
 * @throws FormatError `DER_MALFORMED`.
 */
export function keyKindOf(spki: Uint8Array): CertificateKey | undefined {
  const outer = new DerReader(spki);
  const info = outer.inside(derTags.sequence);
  outer.end();
  const algorithm = info.inside(derTags.sequence);
  const oid = algorithm.oid();
  const parameters = algorithm.tag === undefined ? undefined : algorithm.element();
  algorithm.end();
  const { bytes, unused } = info.bits();
  info.end();
  if (unused !== 0) return undefined;
  if (oid === EC && parameters?.tag === derTags.oid) {
    const [kind, octets] = CURVES[new DerReader(parameters.whole).oid()] ?? [];
    return bytes.length === octets && bytes[0] === 4 ? kind : undefined;
  }
  if (oid !== RSA || parameters?.tag !== derTags.null) return undefined;
  const key = new DerReader(bytes);
  const numbers = key.inside(derTags.sequence);
  key.end();
  const modulus = numbers.integer();
  const exponent = numbers.integer();
  numbers.end();
  const [first = 0, second = 0] = modulus;
  if (first >= 0x80 || (exponent[0] ?? 0x80) >= 0x80) return undefined;
  const bits =
    first === 0
      ? 8 * (modulus.length - 2) + 32 - Math.clz32(second)
      : 8 * (modulus.length - 1) + 32 - Math.clz32(first);
  return bits >= MODULUS_BITS.min && bits <= MODULUS_BITS.max ? "rsa" : undefined;
}

/**
 * The algorithm to verify a signature with; undefined when key and scheme do not go together.
 *
 * @param hash the hash where the scheme does not name one.
 */
export function signatureAlgorithmOf(
  key: CertificateKey | undefined,
  scheme: SignatureScheme | undefined,
  hash: HashName | undefined = scheme?.hash,
): SignatureAlgorithm | undefined {
  if (key === undefined || scheme === undefined || hash === undefined) return undefined;
  if (scheme.hash !== undefined && scheme.hash !== hash) return undefined;
  if (key === "rsa") return scheme.family === "rsa" ? `rsa-${hash}` : undefined;
  return scheme.family === "ecdsa" ? `ecdsa-${key}-${hash}` : undefined;
}
