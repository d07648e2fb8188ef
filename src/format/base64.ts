import { FormatError } from "./coded-error.ts";

const CHUNK = 0x8000;

/** What ECMAScript 2026 brings, and not every host has yet. */
const decodeNatively = (
  Uint8Array as unknown as {
    fromBase64?: (text: string, how: { lastChunkHandling: "strict" }) => Uint8Array<ArrayBuffer>;
  }
).fromBase64?.bind(Uint8Array);

/** Standard base64 with padding (RFC 4648 section 4). */
export function toBase64(bytes: Uint8Array): string {
  const native = (bytes as { toBase64?: () => string }).toBase64;
  if (native !== undefined) return native.call(bytes);
  let binary = "";
  for (let i = 0; i < bytes.length; i += CHUNK) {
    binary += String.fromCharCode(...bytes.subarray(i, i + CHUNK));
  }
  return btoa(binary);
}

/**
 * Decodes standard base64. Padding is required, white space is refused and unused bits must be zero, so
 * that one byte string has one spelling.
 *
 * @throws FormatError `BASE64_MALFORMED`.
 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  if (decodeNatively !== undefined) {
    const bytes = natively(decodeNatively, text);
    // White space is skipped; whatever was is more text than the bytes need.
    if (text.length === 4 * Math.ceil(bytes.length / 3)) return bytes;
    throw new FormatError({ code: "BASE64_MALFORMED", message: "the text is not canonical base64" });
  }
  let binary: string;
  try {
    binary = atob(text);
  } catch (cause) {
    throw new FormatError({ code: "BASE64_MALFORMED", message: "the text is not base64", cause });
  }
  // `atob` forgives what the RFC does not; only the canonical spelling survives the way back.
  if (btoa(binary) !== text) {
    throw new FormatError({ code: "BASE64_MALFORMED", message: "the text is not canonical base64" });
  }
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

function natively(decode: NonNullable<typeof decodeNatively>, text: string): Uint8Array<ArrayBuffer> {
  try {
    return decode(text, { lastChunkHandling: "strict" });
  } catch (cause) {
    throw new FormatError({ code: "BASE64_MALFORMED", message: "the text is not base64", cause });
  }
}

/** Lower-case hex of bytes. */
export function toHex(bytes: Uint8Array): string {
  let out = "";
  for (const byte of bytes) out += byte.toString(16).padStart(2, "0");
  return out;
}

/** Decodes lower-case or upper-case hex. @throws FormatError `BASE64_MALFORMED`. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) {
    throw new FormatError({ code: "BASE64_MALFORMED", message: "the text is not hex" });
  }
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
