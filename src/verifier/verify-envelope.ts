import { verifySignature } from "../format/crypto.ts";
import { type Envelope, preAuthEncoding } from "../format/dsse.ts";
import type { PublicKey } from "../format/public-key.ts";

/** Whether a DSSE signature verifies under a key. */
export function verifyEnvelope(key: PublicKey, envelope: Envelope): Promise<boolean> {
  const message = preAuthEncoding(envelope.payloadType, envelope.payload);
  return verifySignature(key, message, envelope.signature.sig);
}
