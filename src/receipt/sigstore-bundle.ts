import { toBase64 } from "../format/base64.ts";
import { type Envelope, envelopeToJson } from "../format/dsse.ts";

/** Media type of a Sigstore bundle v0.3 (protobuf-specs, sigstore_bundle.proto). */
export const SIGSTORE_BUNDLE_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";

/**
 * Renders a DSSE envelope as a Sigstore bundle v0.3 with a public key hint, so that tools we did not write
 * can check it. Log entries are Sigstore's own and stay empty.
 *
 * @param tokens RFC 3161 responses over the signature, DER.
 */
export function toSigstoreBundle(envelope: Envelope, tokens: readonly Uint8Array[] = []) {
  return {
    mediaType: SIGSTORE_BUNDLE_MEDIA_TYPE,
    verificationMaterial: {
      publicKey: { hint: envelope.signature.keyId },
      tlogEntries: [],
      timestampVerificationData: {
        rfc3161Timestamps: tokens.map((token) => ({ signedTimestamp: toBase64(token) })),
      },
    },
    dsseEnvelope: envelopeToJson(envelope),
  };
}
