import { type Envelope, envelopeToJson } from "../format/dsse.ts";

/** Media type of a Sigstore bundle v0.3 (protobuf-specs, sigstore_bundle.proto). */
export const SIGSTORE_BUNDLE_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";

/**
 * Renders a DSSE envelope as a Sigstore bundle v0.3 with a public key hint, so that tools we did not write
 * can check it. Log entries and timestamps are empty until those layers exist.
 */
export function toSigstoreBundle(envelope: Envelope) {
  return {
    mediaType: SIGSTORE_BUNDLE_MEDIA_TYPE,
    verificationMaterial: {
      publicKey: { hint: envelope.signature.keyId },
      tlogEntries: [],
      timestampVerificationData: { rfc3161Timestamps: [] },
    },
    dsseEnvelope: envelopeToJson(envelope),
  };
}
