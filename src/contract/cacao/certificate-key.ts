import { fromBase64 } from "../../format/base64.ts";

/**
 * The public key (SPKI, DER) of PEM text, with its header and footer or without (CACAO 2.0 section 10.15); undefined when
 * there is none.
 */
export function keyOfPem(text: string): Uint8Array | undefined {
  const match = /^\s*-----BEGIN ([A-Z ]{1,30})-----([^-]*)-----END \1-----\s*$/.exec(text);
  if (match?.[1] === "CERTIFICATE") return keyOfCertificate(match[2] ?? "");
  if (match !== null && match[1] !== "PUBLIC KEY") return undefined;
  const bytes = decoded(match?.[2] ?? text);
  const outer = bytes && element(bytes, 0);
  // SEQUENCE of an algorithm's SEQUENCE and a BIT STRING, and nothing behind it (RFC 5280 section 4.1).
  const algorithm =
    outer?.tag === 0x30 && outer.end === bytes?.length ? element(bytes, outer.start) : undefined;
  const key = bytes && algorithm?.tag === 0x30 ? element(bytes, algorithm.end) : undefined;
  return key?.tag === 0x03 && key.end === outer?.end ? bytes : undefined;
}

/** The public key of an X.509 certificate (RFC 5280 section 4.1), in base64; it is read, the certificate is not checked. */
export function keyOfCertificate(base64: string): Uint8Array | undefined {
  const bytes = decoded(base64);
  if (bytes === undefined) return undefined;
  const certificate = element(bytes, 0);
  const body = certificate && element(bytes, certificate.start);
  if (certificate?.tag !== 0x30 || certificate.end !== bytes.length || body?.tag !== 0x30) return undefined;
  let part = element(bytes, body.start);
  // The version is optional; then serial number, algorithm, issuer, validity, subject, and the key.
  for (let left = part?.tag === 0xa0 ? 6 : 5; left > 0; left--) part = part && element(bytes, part.end);
  return part?.tag === 0x30 && part.end <= body.end ? bytes.slice(part.from, part.end) : undefined;
}

interface Element {
  readonly tag: number;
  readonly from: number;
  /** Of the content. */
  readonly start: number;
  readonly end: number;
}

function element(bytes: Uint8Array, from: number): Element | undefined {
  const tag = bytes[from];
  const first = bytes[from + 1];
  if (tag === undefined || first === undefined) return undefined;
  const extra = first < 0x80 ? 0 : first & 0x7f;
  if (extra > 3 || first === 0x80) return undefined;
  let length = extra === 0 ? first : 0;
  for (let index = 0; index < extra; index++) length = length * 256 + (bytes[from + 2 + index] ?? 0);
  const start = from + 2 + extra;
  return start + length <= bytes.length ? { tag, from, start, end: start + length } : undefined;
}

function decoded(text: string): Uint8Array | undefined {
  try {
    return fromBase64(text.replace(/\s+/g, ""));
  } catch {
    return undefined;
  }
}
