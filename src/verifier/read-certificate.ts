import { type KeyCertificate, keyCertificateSchema } from "../contract/signed-statements.ts";
import { sha256Hex } from "../format/crypto.ts";
import type { Envelope } from "../format/dsse.ts";
import { type PublicKey, parsePublicKey } from "../format/public-key.ts";
import { KEY_CERTIFICATE_PREDICATE } from "../format/statement.ts";
import { parseDocument } from "./check-document.ts";
import { type Read, readEnvelope, readStatement } from "./sigstore-envelope.ts";

/** An issuer key certificate whose form was checked, but not its signature. */
export interface Certificate {
  readonly envelope: Envelope;
  readonly certificate: KeyCertificate;
  readonly key: PublicKey;
}

/** Reads a key certificate in its envelope: the subject, the key id and the key must be of one another. */
export function certificateOf(envelope: Envelope): Read<Certificate> {
  const read = readStatement<KeyCertificate>(envelope, KEY_CERTIFICATE_PREDICATE, keyCertificateSchema);
  if ("faults" in read) return read;
  const { predicate: certificate, subject } = read.value;
  const key = readKey(certificate.publicKey);
  if (
    key === undefined ||
    key.keyId !== certificate.keyId ||
    subject.length !== 1 ||
    subject[0]?.name !== "issuer-key" ||
    subject[0].digest.sha256 !== sha256Hex(key.spki)
  ) {
    return {
      faults: [
        {
          code: "FAILURE_DIGEST_MISMATCH",
          message: "the certificate does not name the key that it is about",
        },
      ],
    };
  }
  return { value: { envelope, certificate, key } };
}

/** As `certificateOf`, from a file with a DSSE envelope in canonical JSON; undefined when it is none. */
export function readCertificate(bytes: Uint8Array): Certificate | undefined {
  const parsed = parseDocument(bytes);
  if ("fault" in parsed) return undefined;
  const envelope = readEnvelope(parsed.value);
  const read = "value" in envelope ? certificateOf(envelope.value) : envelope;
  return "value" in read ? read.value : undefined;
}

/** A public key from its base64 text; undefined when it is none that can be verified with. */
export function readKey(text: string): PublicKey | undefined {
  try {
    return parsePublicKey(text);
  } catch {
    return undefined;
  }
}
