import { fromBase64, toBase64 } from "./base64.ts";
import { FormatError } from "./coded-error.ts";
import { type Digest, digestOf } from "./digest.ts";
import { isJsonObject, type Json } from "./json.ts";

/** Payload type of in-toto statements. */
export const IN_TOTO_PAYLOAD_TYPE = "application/vnd.in-toto+json";

/** A DSSE envelope with exactly one signature, decoded. */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  readonly signature: { readonly keyId: string; readonly sig: Uint8Array };
}

const encoder = new TextEncoder();

/** Pre-authentication encoding: the bytes that a DSSE signature covers (DSSE v1.0.2, protocol.md). */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const type = typeHead(payloadType);
  const length = `${payload.length} `;
  const start = type.length + length.length;
  const out = new Uint8Array(start + payload.length);
  out.set(type);
  for (let i = 0; i < length.length; i++) out[type.length + i] = length.charCodeAt(i);
  out.set(payload, start);
  return out;
}

const MAX_TYPES = 100;
const heads = new Map<string, Uint8Array>();

/** What comes before the payload's length. Envelopes are many, their types few: each is encoded once. */
function typeHead(payloadType: string): Uint8Array {
  let head = heads.get(payloadType);
  if (head === undefined) {
    head = encoder.encode(`DSSEv1 ${encoder.encode(payloadType).length} ${payloadType} `);
    if (heads.size < MAX_TYPES) heads.set(payloadType, head);
  }
  return head;
}

/** SHA-256 over the pre-authentication bytes: the receipt digest (design section 8). */
export function envelopeDigest(envelope: Pick<Envelope, "payloadType" | "payload">): Digest {
  return digestOf(preAuthEncoding(envelope.payloadType, envelope.payload));
}

/** The envelope as DSSE JSON. */
export function envelopeToJson(envelope: Envelope): {
  payload: string;
  payloadType: string;
  signatures: [{ keyid: string; sig: string }];
} {
  return {
    payload: toBase64(envelope.payload),
    payloadType: envelope.payloadType,
    signatures: [{ keyid: envelope.signature.keyId, sig: toBase64(envelope.signature.sig) }],
  };
}

/**
 * Reads a DSSE envelope from parsed JSON. Exactly one signature and no unknown members: a second signature
 * would be a second story about the same bytes.
 *
 * @throws FormatError `ENVELOPE_MALFORMED`.
 */
export function envelopeFromJson(value: Json): Envelope {
  if (!isJsonObject(value)) throw malformed("an envelope is a JSON object");
  onlyMembers(value, ["payload", "payloadType", "signatures"]);
  const { payload, payloadType, signatures } = value;
  if (typeof payload !== "string") throw malformed("`payload` is missing");
  if (typeof payloadType !== "string" || payloadType === "") throw malformed("`payloadType` is missing");
  if (!Array.isArray(signatures) || signatures.length !== 1)
    throw malformed("there must be exactly one signature");
  const signature = signatures[0] as Json;
  if (!isJsonObject(signature)) throw malformed("a signature is a JSON object");
  onlyMembers(signature, ["keyid", "sig"]);
  if (typeof signature.keyid !== "string" || typeof signature.sig !== "string") {
    throw malformed("a signature has `keyid` and `sig`");
  }
  try {
    return {
      payloadType,
      payload: fromBase64(payload),
      signature: { keyId: signature.keyid, sig: fromBase64(signature.sig) },
    };
  } catch (cause) {
    throw new FormatError({ code: "ENVELOPE_MALFORMED", message: "the envelope is not base64", cause });
  }
}

function onlyMembers(value: { readonly [key: string]: Json }, allowed: readonly string[]): void {
  for (const key of Object.keys(value)) {
    if (!allowed.includes(key)) throw malformed(`\`${key.slice(0, 40)}\` is not a member of an envelope`);
  }
}

function malformed(message: string): FormatError {
  return new FormatError({ code: "ENVELOPE_MALFORMED", message });
}
