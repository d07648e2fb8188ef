import { fromBase64, toBase64 } from "../../format/base64.ts";
import { canonicalBytes } from "../../format/canonical-json.ts";
import { type SignatureAlgorithm, sha256Hex, sha512Hex, verifySignature } from "../../format/crypto.ts";
import { derInteger, derSequence } from "../../format/der.ts";
import { isJsonObject, type Json, type JsonObject } from "../../format/json.ts";
import { keyOfCertificate, keyOfPem } from "./certificate-key.ts";
import { listOf, textOf } from "./playbook-text.ts";

/**
 * `authenticated`: by the key that the reader trusts. `integrity-only`: by a key that came with the playbook, which says
 * that nothing changed and not who signed. `unchecked`: no key, or an algorithm that is not supported here.
 */
export type SignatureVerdict = "authenticated" | "integrity-only" | "invalid" | "revoked" | "unchecked";

/** What became of one signature of a playbook. */
export interface CheckedSignature {
  readonly id: string;
  readonly path: string;
  readonly verdict: SignatureVerdict;
  /** `SHA256:` and the key's fingerprint, when one was used. */
  readonly key?: string;
  readonly why: string;
}

/** JWA names (RFC 7518 section 3.1, RFC 8037); the second of a pair is the size of `r` and `s` in bytes. */
const ALGORITHMS: Readonly<Record<string, readonly [SignatureAlgorithm, number?]>> = {
  RS256: ["rsa-sha256"],
  RS512: ["rsa-sha512"],
  ES256: ["ecdsa-p256-sha256", 32],
  ES384: ["ecdsa-p384-sha384", 48],
  ES512: ["ecdsa-p521-sha512", 66],
  Ed25519: ["ed25519"],
  EdDSA: ["ed25519"],
};
const MAX_SIGNATURES = 20;
/** SPKI of a 2048-bit RSA key has 294 bytes. */
const MIN_RSA_SPKI = 290;

/**
 * Checks every signature of a playbook (CACAO 2.0 sections 2.5, 10.15 and appendix A; X.590): over the hexadecimal digest,
 * as ASCII, of the canonical playbook (RFC 8785) with this signature alone, its `value` left out.
 *
 * @param trusted SPKI of the key that the reader trusts.
 * @param now when it is read: a signature outside its time authenticates nothing.
 */
export async function verifySignatures(
  playbook: JsonObject,
  trusted: Uint8Array | undefined,
  now: Date = new Date(),
): Promise<CheckedSignature[]> {
  const signatures = listOf(playbook, "signatures").slice(0, MAX_SIGNATURES);
  return Promise.all(
    signatures.map(async (signature, index) => {
      const path = `signatures[${index}]`;
      if (!isJsonObject(signature)) return { id: path, path, verdict: "invalid", why: "it is no object" };
      const id = textOf(signature, "id") ?? path;
      return { id, path, ...(await verifyOne(playbook, signature, trusted, now)) };
    }),
  );
}

/** Why a playbook with these signatures is refused; undefined when it is not. */
export function signatureRefusal(
  playbook: JsonObject,
  checked: readonly CheckedSignature[],
  trusted: Uint8Array | undefined,
): string | undefined {
  if (listOf(playbook, "signatures").length > MAX_SIGNATURES)
    return `the playbook has more than ${MAX_SIGNATURES} signatures`;
  const wrong = checked.find(({ verdict }) => verdict === "invalid");
  if (wrong !== undefined) return `\`${wrong.path}\` does not hold: ${wrong.why}`;
  if (trusted !== undefined && !checked.some(({ verdict }) => verdict === "authenticated"))
    return "no signature of the playbook is by the key that you trust";
  return undefined;
}

type Verdict = Pick<CheckedSignature, "verdict" | "key" | "why">;

async function verifyOne(
  playbook: JsonObject,
  signature: JsonObject,
  trusted: Uint8Array | undefined,
  now: Date,
): Promise<Verdict> {
  if (signature.revoked === true) return { verdict: "revoked", why: "its creator revoked it" };
  const name = textOf(signature, "algorithm") ?? "none";
  const [algorithm, size] = (Object.hasOwn(ALGORITHMS, name) ? ALGORITHMS[name] : undefined) ?? [];
  const hash = hashOf(textOf(signature, "hash_algorithm"));
  if (algorithm === undefined || hash === undefined)
    return { verdict: "unchecked", why: "its algorithm is not supported here" };
  const value = signatureBytes(signature, size);
  if (value === undefined) return { verdict: "invalid", why: "its value is no base64url of that algorithm" };
  const unfit = whyUnfit(playbook, signature, now);
  const embedded = embeddedKey(signature);
  if (embedded === "broken") return { verdict: "invalid", why: "its key cannot be read" };

  const holds = async (spki: Uint8Array): Promise<boolean> => {
    if (algorithm.startsWith("rsa") && spki.length < MIN_RSA_SPKI) return false;
    for (const bytes of signedForms(playbook, signature)) {
      const message = new TextEncoder().encode(hash(bytes));
      if (await verifySignature({ algorithm, spki }, message, value)) return true;
    }
    return false;
  };
  if (trusted !== undefined && (await holds(trusted)))
    return unfit !== undefined
      ? { verdict: "unchecked", key: fingerprint(trusted), why: unfit }
      : { verdict: "authenticated", key: fingerprint(trusted), why: "by the key that you trust" };
  if (embedded === undefined) return { verdict: "unchecked", why: "it carries no key" };
  const key = fingerprint(embedded);
  return (await holds(embedded))
    ? { verdict: "integrity-only", key, why: "by a key that came with it, which proves integrity only" }
    : { verdict: "invalid", key, why: "it is not of this playbook, or not by its key" };
}

/** Why a signature that holds says nothing of this playbook at this time (section 10.15); undefined when it does. */
function whyUnfit(playbook: JsonObject, signature: JsonObject, now: Date): string | undefined {
  const { related_to, related_version, valid_from, valid_until } = signature;
  if (related_to !== undefined && related_to !== playbook.id) return "it is related to another playbook";
  if (related_version !== undefined && related_version !== playbook.modified)
    return "it is related to another version of the playbook";
  const from = valid_from === undefined ? Number.NEGATIVE_INFINITY : Date.parse(String(valid_from));
  const until = valid_until === undefined ? Number.POSITIVE_INFINITY : Date.parse(String(valid_until));
  if (!(from <= now.getTime())) return "it is not valid yet";
  return now.getTime() < until ? undefined : "it is no longer valid";
}

/** The signed bytes; a countersignature may have been there already, or have been added since. */
function signedForms(playbook: JsonObject, { value: _, ...rest }: JsonObject): Uint8Array[] {
  const { signature: counter, ...alone } = rest;
  const forms: Json[] = counter === undefined ? [alone] : [alone, rest as Json];
  return forms.map((one) => canonicalBytes({ ...playbook, signatures: [one] }));
}

function hashOf(name: string | undefined): ((bytes: Uint8Array) => string) | undefined {
  if (name === "sha-256") return sha256Hex;
  return name === "sha-512" ? sha512Hex : undefined;
}

/** The signature's bytes; ECDSA's `r ‖ s` (RFC 7518 section 3.4) in DER. */
function signatureBytes(signature: JsonObject, size: number | undefined): Uint8Array | undefined {
  const bytes = fromBase64Url(textOf(signature, "value") ?? "");
  if (bytes === undefined || bytes.length === 0 || size === undefined)
    return bytes?.length === 0 ? undefined : bytes;
  if (bytes.length !== 2 * size) return undefined;
  return derSequence(
    ...[bytes.subarray(0, size), bytes.subarray(size)].map((half) => derInteger(trimmed(half))),
  );
}

function trimmed(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  return bytes.subarray(first === -1 ? bytes.length - 1 : first);
}

function fromBase64Url(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) return undefined;
  const plain = text.replaceAll("-", "+").replaceAll("_", "/");
  try {
    return fromBase64(plain.padEnd(Math.ceil(plain.length / 4) * 4, "="));
  } catch {
    return undefined;
  }
}

function embeddedKey(signature: JsonObject): Uint8Array | "broken" | undefined {
  const text = textOf(signature, "public_key");
  const [certificate] = listOf(signature, "public_cert_chain");
  if (text === undefined && certificate === undefined) return undefined;
  const key = text === undefined ? keyOfCertificate(String(certificate)) : keyOfPem(text);
  return key ?? "broken";
}

function fingerprint(spki: Uint8Array): string {
  return `SHA256:${toBase64(Uint8Array.from((sha256Hex(spki).match(/../g) ?? []).map((hex) => Number.parseInt(hex, 16)))).replace(/=+$/, "")}`;
}
