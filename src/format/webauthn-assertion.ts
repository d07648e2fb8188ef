import { fromBase64, fromHex, toBase64 } from "./base64.ts";
import { parseCanonicalJson, parseJson } from "./canonical-json.ts";
import { sha256Hex, verifySignature } from "./crypto.ts";
import { isJsonObject, type Json } from "./json.ts";
import type { PublicKey } from "./public-key.ts";
import { concatBytes } from "./ssh-wire.ts";

/** Why an assertion of a passkey does not count. */
export type AssertionRefusal =
  /** Not stored as it must be, cut short, too long, or with bytes after its end. */
  | "malformed"
  /** Made to register, not to assert. */
  | "type"
  /** Made over other bytes. */
  | "challenge"
  | "origin"
  /** Made inside a frame of another site. */
  | "cross-origin"
  | "rp-id"
  | "user-not-present"
  | "user-not-verified"
  /** Another credential of the authenticator. */
  | "credential"
  | "signature";

/** What an assertion is checked against: the reviewer's or the workspace's own words, never the assertion's. */
export interface Passkey {
  readonly key: PublicKey;
  /** Base64url, as browsers give it. */
  readonly credentialId: string;
  readonly rpId: string;
  readonly origins: readonly string[];
}

const MAX_BYTES = 8192;
const MEMBERS = ["authenticatorData", "clientDataJSON", "credentialId", "signature"];
const HEADER_BYTES = 37;
const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const ATTESTED = 0x40;
const EXTENSIONS = 0x80;

/**
 * The challenge that a passkey signs for a statement: SHA-256 over a domain tag, the payload type and the canonical
 * bytes (design section 6), so that no assertion for another use, a login least of all, passes as a decision.
 */
export function webauthnChallenge(payloadType: string, payload: Uint8Array): Uint8Array {
  const tag = new TextEncoder().encode(`witnessops/webauthn/v1\n${payloadType}\n`);
  return fromHex(sha256Hex(concatBytes(tag, payload)));
}

/**
 * Verifies an assertion from its stored bytes (WebAuthn Level 3, section 7.2): canonical JSON
 * `{authenticatorData, clientDataJSON, credentialId, signature}` in base64. Type, challenge, origin, no frame of
 * another site, relying party, user presence *and* verification, credential, signature. Refusals are values; nothing
 * is thrown for bad input.
 */
export async function verifyAssertion(
  passkey: Passkey,
  challenge: Uint8Array,
  stored: Uint8Array,
): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: AssertionRefusal }> {
  const read = readAssertion(stored);
  if (read === undefined) return refuse("malformed");
  const { authenticatorData, clientDataJson, client } = read;
  if (toBase64Url(read.credentialId) !== passkey.credentialId) return refuse("credential");
  if (client.type !== "webauthn.get") return refuse("type");
  if (client.challenge !== toBase64Url(challenge)) return refuse("challenge");
  if (typeof client.origin !== "string" || !passkey.origins.includes(client.origin)) return refuse("origin");
  if ((client.crossOrigin ?? false) !== false || client.topOrigin !== undefined)
    return refuse("cross-origin");
  if (!equal(authenticatorData.subarray(0, 32), fromHex(sha256Hex(passkey.rpId)))) return refuse("rp-id");
  const flags = authenticatorData[32] ?? 0;
  if ((flags & ATTESTED) !== 0) return refuse("malformed");
  if ((flags & EXTENSIONS) === 0 && authenticatorData.length !== HEADER_BYTES) return refuse("malformed");
  if ((flags & USER_PRESENT) === 0) return refuse("user-not-present");
  if ((flags & USER_VERIFIED) === 0) return refuse("user-not-verified");
  const signed = concatBytes(authenticatorData, fromHex(sha256Hex(clientDataJson)));
  return (await verifySignature(passkey.key, signed, read.signature)) ? { ok: true } : refuse("signature");
}

interface Assertion {
  readonly authenticatorData: Uint8Array;
  readonly clientDataJson: Uint8Array;
  readonly client: { readonly [member: string]: Json };
  readonly credentialId: Uint8Array;
  readonly signature: Uint8Array;
}

function readAssertion(stored: Uint8Array): Assertion | undefined {
  if (stored.length > MAX_BYTES) return undefined;
  try {
    const value = parseCanonicalJson(stored);
    if (!isJsonObject(value) || Object.keys(value).sort().join() !== MEMBERS.join()) return undefined;
    const bytes = (member: string): Uint8Array => fromBase64(String(value[member]));
    const authenticatorData = bytes("authenticatorData");
    const clientDataJson = bytes("clientDataJSON");
    const client = parseJson(clientDataJson);
    if (!isJsonObject(client) || authenticatorData.length < HEADER_BYTES) return undefined;
    const credentialId = bytes("credentialId");
    return { authenticatorData, clientDataJson, client, credentialId, signature: bytes("signature") };
  } catch {
    return undefined;
  }
}

function toBase64Url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function refuse(reason: AssertionRefusal): { ok: false; reason: AssertionRefusal } {
  return Object.freeze({ ok: false, reason });
}
