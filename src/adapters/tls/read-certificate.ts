import { type KeyObject, X509Certificate } from "node:crypto";
import { digestOf } from "../../format/digest.ts";
import type { JsonObject } from "../../format/json.ts";

const CURVE_BITS: Readonly<Record<string, number>> = { prime256v1: 256, secp384r1: 384, secp521r1: 521 };
const KEY_BITS: Readonly<Record<string, number>> = { ed25519: 256, ed448: 456 };

/** What a DER certificate (RFC 5280) says of itself, or undefined when it cannot be read. */
export function readCertificate(der: Uint8Array): JsonObject | undefined {
  try {
    const certificate = new X509Certificate(der);
    return {
      subject: oneLine(certificate.subject),
      issuer: oneLine(certificate.issuer),
      subjectAltNames: splitNames(certificate.subjectAltName ?? ""),
      notBefore: certificate.validFromDate.toISOString(),
      notAfter: certificate.validToDate.toISOString(),
      serialNumber: certificate.serialNumber.toLowerCase(),
      fingerprint: digestOf(der),
      ...readKey(certificate),
    };
  } catch {
    return undefined;
  }
}

function readKey(certificate: X509Certificate): { keyType: string; keyBits: number | null } {
  let key: KeyObject;
  try {
    key = certificate.publicKey;
  } catch {
    return { keyType: "unknown", keyBits: null };
  }
  const keyType = key.asymmetricKeyType ?? "unknown";
  const { modulusLength, namedCurve = "" } = key.asymmetricKeyDetails ?? {};
  return { keyType, keyBits: modulusLength ?? CURVE_BITS[namedCurve] ?? KEY_BITS[keyType] ?? null };
}

/** Node gives one relative distinguished name a line. */
function oneLine(name: string | undefined): string {
  return (name ?? "").trim().split("\n").join(", ").toWellFormed();
}

/** `DNS:a.example, IP Address:192.0.2.1`; names with special characters stand in JSON quotes. */
function splitNames(text: string): string[] {
  const names = text.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? [];
  return names.map((name) => name.trim().toWellFormed()).filter((name) => name !== "");
}
