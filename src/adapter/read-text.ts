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

/** Most values that JSON text can have, told before it is parsed: one and one more for each bracket and comma. */
export function mostValues(text: string): number {
  let count = 1;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (inString) {
      if (char === 0x5c) at++;
      else if (char === 0x22) inString = false;
    } else if (char === 0x22) inString = true;
    else if (char === 0x2c || char === 0x5b || char === 0x7b) count++;
  }
  return count;
}
