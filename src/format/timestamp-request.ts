import { sha256 } from "./crypto.ts";
import { derElement, derInteger, derSequence } from "./der.ts";
import { derTags } from "./der-reader.ts";

const VERSION_1 = Uint8Array.of(1);
// AlgorithmIdentifier of SHA-256 with NULL parameters, as every authority takes it.
const SHA256_OID = Uint8Array.of(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01);
const NOTHING = new Uint8Array();

/** A TimeStampReq (RFC 3161, 2.4.1) for the SHA-256 of bytes, which asks for the signer's certificate too. */
export function timestampRequest(stamped: Uint8Array, nonce: Uint8Array): Uint8Array {
  const algorithm = derSequence(derElement(derTags.oid, SHA256_OID), derElement(derTags.null, NOTHING));
  const imprint = derSequence(algorithm, derElement(derTags.octetString, sha256(stamped)));
  const certReq = derElement(derTags.boolean, Uint8Array.of(0xff));
  return derSequence(derInteger(VERSION_1), imprint, derInteger(nonce), certReq);
}

/** Whether a token has the nonce that was asked with: unsigned bytes, the first not zero. */
export function hasNonce(found: Uint8Array | undefined, nonce: Uint8Array): boolean {
  const expected = derInteger(nonce).subarray(2);
  return (
    found !== undefined &&
    found.length === expected.length &&
    found.every((octet, at) => octet === expected[at])
  );
}
