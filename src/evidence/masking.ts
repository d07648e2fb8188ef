import type { Json } from "../format/json.ts";
import type { Needle } from "./secret-forms.ts";

/** What stands in a secret's place: always this, so that its length says nothing. */
export const MASK = "[masked]";
const maskBytes = Buffer.from(MASK);

/** Masks secrets in a stream of bytes; how the stream is cut into chunks makes no difference. */
export interface Masker {
  /** How many occurrences were masked so far; overlapping ones count as one. */
  readonly masked: number;
  /** Takes bytes and returns those that are decided. The end of what came is held back. */
  push(bytes: Uint8Array): Uint8Array;
  /** Returns the rest. */
  end(): Uint8Array;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Starts masking the needles, which must not be empty. */
export function startMasker(needles: readonly Needle[]): Masker {
  const longest = Math.max(...needles.map((needle) => needle.bytes.length));
  let held: Buffer = Buffer.alloc(0);
  /** Where the mask that was written last ends, counted from the start of `held`. */
  let maskedUntil = 0;
  let masked = 0;

  function step(buffer: Buffer, final: boolean): Uint8Array {
    // An occurrence that starts before `limit` is whole in the buffer, with the digit after it.
    const limit = final ? buffer.length : Math.max(0, buffer.length - longest);
    // The digit before an occurrence at `limit` must not be gone when that one is found.
    const upTo = final ? buffer.length : Math.max(0, limit - 1);
    const out: Uint8Array[] = [];
    let from = maskedUntil;
    for (const { start, end } of findSpans(buffer, needles, limit)) {
      if (start >= maskedUntil) {
        if (start > from) out.push(buffer.subarray(from, start));
        out.push(maskBytes);
        masked++;
      }
      maskedUntil = Math.max(maskedUntil, end);
      from = maskedUntil;
    }
    if (upTo > from) out.push(buffer.subarray(from, upTo));
    held = buffer.subarray(upTo);
    maskedUntil = Math.max(0, maskedUntil - upTo);
    return out.length === 1 && out[0] !== undefined ? out[0] : Buffer.concat(out);
  }

  return {
    get masked() {
      return masked;
    },
    push(bytes) {
      return step(Buffer.concat([held, bytes]), false);
    },
    end() {
      return step(held, true);
    },
  };
}

/** What the needles that start before `limit` cover, by start. */
function findSpans(buffer: Buffer, needles: readonly Needle[], limit: number): Span[] {
  const spans: Span[] = [];
  for (const { bytes, before, after } of needles) {
    let at = buffer.indexOf(bytes);
    while (at !== -1 && at < limit) {
      const end = at + bytes.length;
      spans.push({
        start: before && isBase64Digit(buffer[at - 1]) ? at - 1 : at,
        end: after && isBase64Digit(buffer[end]) ? end + 1 : end,
      });
      at = buffer.indexOf(bytes, at + 1);
    }
  }
  return spans.sort((a, b) => a.start - b.start);
}

function isBase64Digit(byte: number | undefined): boolean {
  return byte !== undefined && /[A-Za-z0-9+/_-]/.test(String.fromCharCode(byte));
}

/** Masks secrets in bytes that are all there. */
export function maskBytesOf(
  bytes: Uint8Array,
  needles: readonly Needle[],
): { bytes: Uint8Array; masked: number } {
  if (needles.length === 0) return { bytes, masked: 0 };
  const masker = startMasker(needles);
  const out = Buffer.concat([masker.push(bytes), masker.end()]);
  return { bytes: out, masked: masker.masked };
}

/** Masks secrets in a text. */
export function maskText(text: string, needles: readonly Needle[]): { text: string; masked: number } {
  const { bytes, masked } = maskBytesOf(Buffer.from(text), needles);
  return { text: masked === 0 ? text : Buffer.from(bytes).toString(), masked };
}

/**
 * Masks secrets in the names, strings and numbers of a JSON value, so that it stays JSON. Lone surrogates and
 * numbers that JSON cannot hold, which a foreign `JSON.parse` lets in, become what can be stored.
 */
export function maskJson(value: Json, needles: readonly Needle[]): { value: Json; masked: number } {
  let masked = 0;

  function maskString(text: string): string {
    const result = maskText(text.toWellFormed(), needles);
    masked += result.masked;
    return result.text;
  }

  function visit(node: Json): Json {
    if (typeof node === "string") return maskString(node);
    if (typeof node === "number") {
      const text = maskString(String(node));
      return text === String(node) && Number.isFinite(node) ? node : text;
    }
    if (typeof node !== "object" || node === null) return node;
    if (Array.isArray(node)) return node.map(visit);
    const members = new Map<string, Json>();
    for (const [name, member] of Object.entries(node)) {
      let free = maskString(name);
      while (members.has(free)) free += "+";
      members.set(free, visit(member));
    }
    return Object.fromEntries(members);
  }

  return { value: visit(value), masked };
}
