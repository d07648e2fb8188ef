import { createHash, createPublicKey, hash, verify } from "node:crypto";
import { hasSmallOrder } from "./ed25519-order.ts";

/**
 * The one place where verification touches a cryptographic library. A browser build replaces this file
 * with one of the same shape; nothing else in `format`, `contract`, `gate` or `verifier` knows the host.
 */

/** Incremental SHA-256 (FIPS 180-4). */
export interface Sha256 {
  update(bytes: Uint8Array): Sha256;
  /** Lower-case hex; ends the computation. */
  hex(): string;
}

/** Hash functions of signatures and certificates (FIPS 180-4). */
export type HashName = "sha256" | "sha384" | "sha512";

/** Signature algorithms that can be verified: Ed25519 (RFC 8032), ECDSA in DER, RSASSA-PKCS1-v1_5 (RFC 8017). */
export type SignatureAlgorithm =
  | "ed25519"
  | `ecdsa-${"p256" | "p384"}-${HashName}`
  | "ecdsa-p521-sha512"
  | `rsa-${HashName}`;

/** Starts an incremental SHA-256. */
export function startSha256(): Sha256 {
  const hash = createHash("sha256");
  const running: Sha256 = {
    update(bytes) {
      hash.update(bytes);
      return running;
    },
    hex: () => hash.digest("hex"),
  };
  return running;
}

/** SHA-256 of bytes, lower-case hex. */
export function sha256Hex(bytes: Uint8Array | string): string {
  return hash("sha256", bytes, "hex");
}

/** SHA-256 of bytes, or of a text in UTF-8, 32 bytes. */
export function sha256(bytes: Uint8Array | string): Uint8Array<ArrayBuffer> {
  // A text of 32 characters comes across several times as fast as a buffer, of which trees need thousands.
  const text = hash("sha256", bytes, "binary");
  const out = new Uint8Array(32);
  for (let i = 0; i < 32; i++) out[i] = text.charCodeAt(i);
  return out;
}

/** SHA-512 of bytes, lower-case hex. */
export function sha512Hex(bytes: Uint8Array): string {
  return hash("sha512", bytes, "hex");
}

/** Digest of bytes by any of the hash functions. */
export async function digestBytes(name: HashName, bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(hash(name, bytes, "buffer"));
}

/**
 * Verifies a signature over `message` with an SPKI (DER) public key, on another thread. Resolves to false for anything
 * that does not check out, a malformed key or signature included: it never throws.
 */
export function verifySignature(
  key: { algorithm: SignatureAlgorithm; spki: Uint8Array },
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  return new Promise((resolve) => {
    const answer = (error: Error | null, verifies: boolean): void => resolve(error === null && verifies);
    try {
      const { publicKey, type, curve } = importKey(key.spki);
      const [, family = "", digest = null] = key.algorithm.match(/^(.+)-(sha[0-9]+)$/) ?? [];
      if (key.algorithm === "ed25519" && type === "ed25519")
        verify(null, message, publicKey, signature, answer);
      else if (family === "rsa" && type === "rsa") verify(digest, message, publicKey, signature, answer);
      else if (type === "ec" && curve !== undefined && curve === CURVES[family])
        verify(digest, message, { key: publicKey, dsaEncoding: "der" }, signature, answer);
      else resolve(false);
    } catch {
      resolve(false);
    }
  });
}

/** OpenSSL's names of the curves. */
const CURVES: Readonly<Record<string, string>> = {
  "ecdsa-p256": "prime256v1",
  "ecdsa-p384": "secp384r1",
  "ecdsa-p521": "secp521r1",
};

interface ImportedKey {
  readonly publicKey: ReturnType<typeof createPublicKey>;
  readonly type: string | undefined;
  readonly curve: string | undefined;
}

const MAX_CACHED_KEYS = 256;
const imported = new Map<string, ImportedKey>();

/**
 * Importing a key costs as much as using it; a bundle has thousands of signatures by a handful of keys.
 *
 * @throws Error for bytes that are no key, and for one of small order.
 */
function importKey(spki: Uint8Array): ImportedKey {
  const id = Buffer.from(spki.buffer, spki.byteOffset, spki.length).toString("latin1");
  const known = imported.get(id);
  if (known !== undefined) return known;
  const publicKey = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  const type = publicKey.asymmetricKeyType;
  if (type === "ed25519" && hasSmallOrder(spki)) throw new Error("a key of small order");
  const key = { publicKey, type, curve: publicKey.asymmetricKeyDetails?.namedCurve };
  if (imported.size >= MAX_CACHED_KEYS) imported.clear();
  imported.set(id, key);
  return key;
}
