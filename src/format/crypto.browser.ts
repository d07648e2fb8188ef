import { sha256 as nobleSha256, sha384 as nobleSha384, sha512 as nobleSha512 } from "@noble/hashes/sha2.js";
import { toHex } from "./base64.ts";
import { FormatError } from "./coded-error.ts";
import type { HashName, Sha256, SignatureAlgorithm } from "./crypto.ts";
import { ecdsaPoint } from "./ecdsa-der.ts";
import { hasSmallOrder } from "./ed25519-order.ts";

/**
 * The twin of `crypto.ts` for browsers: the build puts it in that file's place. Signatures are checked by Web
 * Cryptography (W3C, with Ed25519 of its level 2), which has no synchronous hash; hashes are computed here.
 * `test/crypto-twins.test.ts` holds both to the same cases.
 */

const encoder = new TextEncoder();

/** As in `crypto.ts`. */
export function startSha256(): Sha256 {
  const hash = nobleSha256.create();
  const running: Sha256 = {
    update(bytes) {
      hash.update(bytes);
      return running;
    },
    hex: () => toHex(hash.digest()),
  };
  return running;
}

/** As in `crypto.ts`. */
export function sha256Hex(bytes: Uint8Array | string): string {
  return toHex(nobleSha256(typeof bytes === "string" ? encoder.encode(bytes) : bytes));
}

/** As in `crypto.ts`. */
export function sha256(bytes: Uint8Array | string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(nobleSha256(typeof bytes === "string" ? encoder.encode(bytes) : bytes));
}

/** As in `crypto.ts`. */
export function sha512Hex(bytes: Uint8Array): string {
  return toHex(nobleSha512(bytes));
}

/** As in `crypto.ts`. */
export async function digestBytes(name: HashName, bytes: Uint8Array): Promise<Uint8Array> {
  const hashes = { sha256: nobleSha256, sha384: nobleSha384, sha512: nobleSha512 };
  return hashes[name](bytes);
}

/**
 * As in `crypto.ts`.
 *
 * @throws FormatError `CRYPTO_UNSUPPORTED` when this browser cannot check such signatures at all: that is no
 *   statement about the signature.
 */
export async function verifySignature(
  key: { algorithm: SignatureAlgorithm; spki: Uint8Array },
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const { subtle } = globalThis.crypto ?? {};
  if (subtle === undefined)
    throw unsupported("this page is not a secure context: it has no Web Cryptography");
  const { name, hash, curve, size } = ALGORITHMS[key.algorithm];
  try {
    const bytes = size === undefined ? signature : ecdsaPoint(signature, size);
    if (bytes === undefined || (key.algorithm === "ed25519" && hasSmallOrder(key.spki))) return false;
    const publicKey = await importKey(subtle, key);
    const how = { name, ...(hash === undefined ? {} : { hash }) };
    return await subtle.verify(
      how,
      publicKey,
      bytes as Uint8Array<ArrayBuffer>,
      message as Uint8Array<ArrayBuffer>,
    );
  } catch (error) {
    if (curve === undefined && (error as Error).name === "NotSupportedError" && !(await knows(subtle, name)))
      throw unsupported(`this browser cannot check ${name} signatures`);
    return false;
  }
}

/** What Web Cryptography calls each algorithm; `size` is the length in bytes of each half of an ECDSA signature. */
const ALGORITHMS: Readonly<
  Record<SignatureAlgorithm, { name: string; hash?: string; curve?: string; size?: number }>
> = {
  ed25519: { name: "Ed25519" },
  "ecdsa-p256-sha256": { name: "ECDSA", hash: "SHA-256", curve: "P-256", size: 32 },
  "ecdsa-p256-sha384": { name: "ECDSA", hash: "SHA-384", curve: "P-256", size: 32 },
  "ecdsa-p256-sha512": { name: "ECDSA", hash: "SHA-512", curve: "P-256", size: 32 },
  "ecdsa-p384-sha256": { name: "ECDSA", hash: "SHA-256", curve: "P-384", size: 48 },
  "ecdsa-p384-sha384": { name: "ECDSA", hash: "SHA-384", curve: "P-384", size: 48 },
  "ecdsa-p384-sha512": { name: "ECDSA", hash: "SHA-512", curve: "P-384", size: 48 },
  "ecdsa-p521-sha512": { name: "ECDSA", hash: "SHA-512", curve: "P-521", size: 66 },
  "rsa-sha256": { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  "rsa-sha384": { name: "RSASSA-PKCS1-v1_5", hash: "SHA-384" },
  "rsa-sha512": { name: "RSASSA-PKCS1-v1_5", hash: "SHA-512" },
};

const MAX_CACHED_KEYS = 256;
const imported = new Map<string, ReturnType<SubtleCrypto["importKey"]>>();

// Importing a key costs as much as using it; a bundle has thousands of signatures by a handful of keys.
function importKey(
  subtle: SubtleCrypto,
  { algorithm, spki }: { algorithm: SignatureAlgorithm; spki: Uint8Array },
): ReturnType<SubtleCrypto["importKey"]> {
  const id = `${algorithm} ${toHex(spki)}`;
  let key = imported.get(id);
  if (key === undefined) {
    const { name, hash, curve } = ALGORITHMS[algorithm];
    const how = {
      name,
      ...(hash === undefined ? {} : { hash }),
      ...(curve === undefined ? {} : { namedCurve: curve }),
    };
    key = subtle.importKey("spki", spki as Uint8Array<ArrayBuffer>, how, false, ["verify"]);
    if (imported.size >= MAX_CACHED_KEYS) imported.clear();
    imported.set(id, key);
  }
  return key;
}

/** Whether the browser has the algorithm: a key that it refuses is not an algorithm that it lacks. */
async function knows(subtle: SubtleCrypto, name: string): Promise<boolean> {
  try {
    await subtle.generateKey(name, false, ["sign", "verify"]);
    return true;
  } catch (error) {
    return (error as Error).name !== "NotSupportedError";
  }
}

function unsupported(message: string): FormatError {
  return new FormatError({
    code: "CRYPTO_UNSUPPORTED",
    message,
    hint: "use a current version of the browser",
  });
}
