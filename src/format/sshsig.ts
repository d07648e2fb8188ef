import { fromBase64, fromHex, toBase64 } from "./base64.ts";
import { sha256Hex, sha512Hex, verifySignature } from "./crypto.ts";
import { derInteger, derSequence } from "./der.ts";
import { type SshPublicKey, sshPublicKeyFromBlob } from "./ssh-public-key.ts";
import { concatBytes, SshReader, sshString } from "./ssh-wire.ts";

/** Why an SSH signature does not count. */
export type SshSignatureRefusal =
  /** Not an SSHSIG of version 1, cut short, too long, or with bytes after its end. */
  | "malformed"
  /** Made by another key, or by a kind of key that does not count (certificate, small RSA). */
  | "key"
  /** Made for another purpose. */
  | "namespace"
  /** A hash or signature algorithm that does not count. */
  | "algorithm"
  /** A security key that nobody touched. */
  | "user-not-present"
  /** The key did not make this signature over these bytes. */
  | "signature";

/** Longest SSHSIG that is read: RSA of 16,384 bits, key and signature, with room. */
const MAX_BYTES = 8192;
const MAGIC = "SSHSIG";
const BEGIN = "-----BEGIN SSH SIGNATURE-----";
const END = "-----END SSH SIGNATURE-----";
const USER_PRESENT = 0x01;

/** The bytes inside an armored SSH signature; undefined when it is none. */
export function unarmorSshSignature(text: string): Uint8Array | undefined {
  const lines = text.trim().split(/\r?\n/);
  if (lines.length > 400 || lines.shift() !== BEGIN || lines.pop() !== END) return undefined;
  try {
    return fromBase64(lines.join(""));
  } catch {
    return undefined;
  }
}

/** The signature as `ssh-keygen -Y verify` reads it (PROTOCOL.sshsig, armor). */
export function armorSshSignature(blob: Uint8Array): string {
  const lines = toBase64(blob).match(/.{1,70}/g) ?? [];
  return [BEGIN, ...lines, END, ""].join("\n");
}

/**
 * Verifies an SSH signature (OpenSSH PROTOCOL.sshsig) over `message`: version 1, the namespace exactly, SHA-256 or
 * SHA-512, this very key, no certificate, no trailing bytes, and for a security key the touch of its user
 * (PROTOCOL.u2f). Refusals are values; nothing is thrown for bad input.
 *
 * Stricter than `ssh-keygen`: the reserved field must be empty.
 */
export async function verifySshSignature(
  key: SshPublicKey,
  namespace: string,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: SshSignatureRefusal }> {
  const parsed = parse(signature);
  if (parsed === undefined) return refuse("malformed");
  if (!equal(parsed.publicKey, key.blob)) return refuse("key");
  if (parsed.namespace !== namespace) return refuse("namespace");
  const algorithm = key.formats.get(parsed.format);
  const hashed = HASHES.get(parsed.hash)?.(message);
  if (algorithm === undefined || hashed === undefined) return refuse("algorithm");
  const covered = coveredBytes(parsed.namespace, parsed.hash, hashed);
  try {
    const reader = new SshReader(parsed.rest);
    const bytes = algorithm.startsWith("ecdsa") ? ecdsaDer(reader.string()) : reader.string();
    let signed = covered;
    if (key.application !== undefined) {
      const flags = reader.take(1);
      const counter = reader.take(4);
      if (((flags[0] ?? 0) & USER_PRESENT) === 0) return refuse("user-not-present");
      const bound = fromHex(sha256Hex(key.application));
      signed = concatBytes(bound, flags, counter, fromHex(sha256Hex(covered)));
    }
    reader.end();
    const holds = await verifySignature({ algorithm, spki: key.spki }, signed, bytes);
    return holds ? { ok: true } : refuse("signature");
  } catch {
    return refuse("malformed");
  }
}

/** The bytes that a key signs for an SSHSIG over `message` (PROTOCOL.sshsig, section 3), hashed with SHA-512. */
export function sshSignedBytes(namespace: string, message: Uint8Array): Uint8Array {
  return coveredBytes(namespace, "sha512", sha512Hex(message));
}

/**
 * The SSHSIG around a signature over `sshSignedBytes`.
 *
 * @param signature in SSH's wire encoding: format and bytes, as an agent gives it.
 */
export function sshSignature(key: SshPublicKey, namespace: string, signature: Uint8Array): Uint8Array {
  const version = Uint8Array.of(0, 0, 0, 1);
  const parts = [key.blob, namespace, "", "sha512", signature].map(sshString);
  return concatBytes(ascii(MAGIC), version, ...parts);
}

function coveredBytes(namespace: string, hash: string, hashed: string): Uint8Array {
  return concatBytes(ascii(MAGIC), ...[namespace, "", hash, fromHex(hashed)].map(sshString));
}

/** The key that an SSH signature says it was made with, as a hint; undefined when it names none that counts. */
export function signingSshKey(signature: Uint8Array): SshPublicKey | undefined {
  try {
    const parsed = parse(signature);
    return parsed && sshPublicKeyFromBlob(parsed.publicKey);
  } catch {
    return undefined;
  }
}

interface Parsed {
  readonly publicKey: Uint8Array;
  readonly namespace: string;
  readonly hash: string;
  readonly format: string;
  /** The signature after its format: the bytes, and what a security key adds. */
  readonly rest: Uint8Array;
}

function parse(bytes: Uint8Array): Parsed | undefined {
  if (bytes.length > MAX_BYTES) return undefined;
  try {
    const reader = new SshReader(bytes);
    if (!equal(reader.take(MAGIC.length), ascii(MAGIC)) || reader.uint32() !== 1) return undefined;
    const publicKey = reader.string();
    const namespace = reader.text();
    const reserved = reader.string();
    const hash = reader.text();
    const signature = reader.string();
    reader.end();
    if (reserved.length > 0) return undefined;
    const inner = new SshReader(signature);
    const format = inner.text();
    return { publicKey, namespace, hash, format, rest: signature.subarray(4 + ascii(format).length) };
  } catch {
    return undefined;
  }
}

const HASHES: ReadonlyMap<string, (bytes: Uint8Array) => string> = new Map([
  ["sha256", sha256Hex],
  ["sha512", sha512Hex],
]);

/** An ECDSA signature of SSH (RFC 5656, section 3.1.2) in DER. @throws RangeError when it is none. */
export function ecdsaDer(blob: Uint8Array): Uint8Array {
  const reader = new SshReader(blob);
  const r = reader.positive();
  const s = reader.positive();
  reader.end();
  return derSequence(derInteger(r), derInteger(s));
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function refuse(reason: SshSignatureRefusal): { ok: false; reason: SshSignatureRefusal } {
  return Object.freeze({ ok: false, reason });
}
