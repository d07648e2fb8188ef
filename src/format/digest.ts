import { canonicalJson } from "./canonical-json.ts";
import { FormatError } from "./coded-error.ts";
import { sha256Hex } from "./crypto.ts";

/** A digest as text: `sha256:` and 64 lower-case hex digits. */
export type Digest = `sha256:${string}`;

/** SHA-256 of bytes (or of a string's UTF-8). */
export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${sha256Hex(bytes)}`;
}

/** SHA-256 over the canonical JSON (RFC 8785) of a value. @throws FormatError `VALUE_NOT_JSON`. */
export function digestOfJson(value: unknown): Digest {
  return digestOf(canonicalJson(value));
}

/** Whether `text` is a well-formed digest. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === "string" && /^sha256:[0-9a-f]{64}$/.test(text);
}

/** Parses a digest. @throws FormatError `DIGEST_MALFORMED`. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new FormatError({
    code: "DIGEST_MALFORMED",
    message: `\`${text.slice(0, 80)}\` is not a sha256 digest`,
  });
}

/** The hex part of a digest, as in-toto subjects carry it. */
export function hexOf(digest: Digest): string {
  return digest.slice("sha256:".length);
}
