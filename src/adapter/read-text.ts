import { canonicalJson } from "../format/canonical-json.ts";
import type { Json } from "../format/json.ts";

/** Longest text that goes into a result; longer answers are artifacts only. */
export const MAX_TEXT = 256 * 1024;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Bytes as text when they are valid UTF-8 (a byte order mark is dropped), else undefined. */
export function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Text as a JSON value that has a canonical form, else undefined: not JSON, a number too large, a lone
 * surrogate, or nesting deeper than results may be.
 */
export function jsonOfText(text: string): Json | undefined {
  try {
    const value = JSON.parse(text) as Json;
    // Ten levels of room for the result that the value becomes a part of.
    let nested: Json = value;
    for (let i = 0; i < 10; i++) nested = [nested];
    canonicalJson(nested);
    return value;
  } catch {
    return undefined;
  }
}
