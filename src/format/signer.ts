import { type Envelope, IN_TOTO_PAYLOAD_TYPE, preAuthEncoding } from "./dsse.ts";
import type { PublicKey } from "./public-key.ts";

/** Something that signs: a key file, an agent, or a command of a KMS or HSM. */
export interface Signer {
  readonly publicKey: PublicKey;
  /** Signs the message: Ed25519 in 64 bytes, or ECDSA with SHA-256 in DER, as the public key says. */
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** Signs a payload into a DSSE envelope with one signature. */
export async function signEnvelope(
  signer: Signer,
  payload: Uint8Array,
  payloadType: string = IN_TOTO_PAYLOAD_TYPE,
): Promise<Envelope> {
  const sig = await signer.sign(preAuthEncoding(payloadType, payload));
  return { payloadType, payload, signature: { keyId: signer.publicKey.keyId, sig } };
}
