import { fromBase64, fromHex, toBase64, toHex } from "./base64.ts";
import { FormatError } from "./coded-error.ts";
import { type SignatureAlgorithm, sha256Hex } from "./crypto.ts";

/** A public key that can be verified with, and its id. */
export interface PublicKey {
  readonly algorithm: SignatureAlgorithm;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** `SHA256:` and base64 without padding of SHA-256 over the SPKI: the fingerprint people compare. */
  readonly keyId: string;
}

// Fixed DER prefixes: these two algorithms have exactly one valid SPKI header each (RFC 8410, RFC 5480).
const ED25519_PREFIX = "302a300506032b6570032100";
const P256_PREFIX = "3059301306072a8648ce3d020106082a8648ce3d030107034200";

/**
 * Reads a public key: base64 of the SPKI, as it stands in principals and trust files.
 *
 * @throws FormatError `KEY_MALFORMED` when it is not base64 DER, `KEY_UNSUPPORTED` for another algorithm.
 */
export function parsePublicKey(text: string): PublicKey {
  let spki: Uint8Array;
  try {
    spki = fromBase64(text);
  } catch (cause) {
    throw new FormatError({ code: "KEY_MALFORMED", message: "the public key is not base64", cause });
  }
  return publicKeyFromSpki(spki);
}

/** As `parsePublicKey`, from DER bytes. */
export function publicKeyFromSpki(spki: Uint8Array): PublicKey {
  const hex = toHex(spki);
  if (hex.startsWith(ED25519_PREFIX) && spki.length === 44) {
    return { algorithm: "ed25519", spki, keyId: keyIdOf(spki) };
  }
  if (hex.startsWith(P256_PREFIX) && spki.length === 91) {
    return { algorithm: "ecdsa-p256-sha256", spki, keyId: keyIdOf(spki) };
  }
  throw new FormatError({
    code: "KEY_UNSUPPORTED",
    message: "the public key is neither Ed25519 nor P-256",
    hint: "make one with `witnessops key new`",
  });
}

/** A public key as the base64 text that documents carry. */
export function publicKeyText(key: PublicKey): string {
  return toBase64(key.spki);
}

function keyIdOf(spki: Uint8Array): string {
  const digest = fromHex(sha256Hex(spki));
  return `SHA256:${toBase64(digest).replace(/=+$/, "")}`;
}
