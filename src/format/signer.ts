import { type Envelope, IN_TOTO_PAYLOAD_TYPE, preAuthEncoding } from "./dsse.ts";
import type { PublicKey } from "./public-key.ts";

/** Something that signs: a key in memory, later an agent or a KMS. */
export interface Signer {
  readonly publicKey: PublicKey;
  /** Signs the message; Ed25519 signatures are 64 bytes. */
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
