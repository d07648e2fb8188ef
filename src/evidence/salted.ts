import { startSha256 } from "../format/crypto.ts";
import type { Digest } from "../format/digest.ts";

/** Length of the salt that stands before a sealed plaintext. */
export const SALT_BYTES = 32;

/** A sealed plaintext while it is read: the bytes without their salt, and, once they ended, the commitment to both. */
export interface SaltedBytes {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** SHA-256 of salt and bytes. Undefined until the bytes were read to their end, or when they are shorter than a salt. */
  commitment(): Digest | undefined;
}

/** Takes the salt off a sealed plaintext (`spec/sealing.md`), hashing both. */
export function readSalted(plaintext: AsyncIterable<Uint8Array>): SaltedBytes {
  let commitment: Digest | undefined;
  async function* bytes(): AsyncIterable<Uint8Array> {
    const hash = startSha256();
    let salt = 0;
    for await (const chunk of plaintext) {
      hash.update(chunk);
      const skipped = Math.min(SALT_BYTES - salt, chunk.length);
      salt += skipped;
      if (skipped < chunk.length) yield chunk.subarray(skipped);
    }
    if (salt === SALT_BYTES) commitment = `sha256:${hash.hex()}`;
  }
  return { bytes: bytes(), commitment: () => commitment };
}
