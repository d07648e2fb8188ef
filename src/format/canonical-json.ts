import { FormatError } from "./coded-error.ts";
import type { Json } from "./json.ts";

const MAX_DEPTH = 200;

/**
 * Serializes a value as canonical JSON (RFC 8785, JCS): members sorted by UTF-16 code units, ECMAScript
 * numbers, no white space.
 *
 * Members whose value is `undefined` are left out, so that typed objects with optional fields can be
 * passed as they are.
 *
 * @throws FormatError `VALUE_NOT_JSON` for a number that is not finite, a lone surrogate, a function, a
 *   bigint, a class instance, or nesting deeper than 200.
 */
export function canonicalJson(value: unknown): string {
  // What was parsed from canonical JSON is in order already.
  const text = isInOrder(value, 0) ? JSON.stringify(value) : undefined;
  return text === undefined || text.includes(SURROGATE) ? write(value, 0) : text;
}

/** Canonical JSON as UTF-8 bytes. Errors as `canonicalJson`. */
export function canonicalBytes(value: unknown): Uint8Array<ArrayBuffer> {
  return encoder.encode(canonicalJson(value));
}

/**
 * Parses bytes that must already be canonical JSON: any other spelling of the same value is refused, so
 * that one value has one digest. This also refuses duplicate members, a byte order mark and invalid UTF-8.
 *
 * @throws FormatError `JSON_MALFORMED` when it is not JSON, `JSON_NOT_CANONICAL` when it is JSON spelled
 *   another way.
 */
export function parseCanonicalJson(bytes: Uint8Array): Json {
  const { value, text } = decode(bytes);
  if (JSON.stringify(value) === text && !text.includes(SURROGATE) && isInOrder(value, 0)) return value;
  let canonical: string;
  try {
    canonical = canonicalJson(value);
  } catch (cause) {
    throw new FormatError({ code: "JSON_NOT_CANONICAL", message: "the JSON has no canonical form", cause });
  }
  if (canonical !== text) {
    throw new FormatError({
      code: "JSON_NOT_CANONICAL",
      message: "the JSON is not in canonical form (RFC 8785)",
    });
  }
  return value;
}

/** Parses UTF-8 JSON of any spelling. @throws FormatError `JSON_MALFORMED`. */
export function parseJson(bytes: Uint8Array): Json {
  return decode(bytes).value;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): { value: Json; text: string } {
  try {
    const text = decoder.decode(bytes);
    return { value: JSON.parse(text) as Json, text };
  } catch (cause) {
    throw new FormatError({ code: "JSON_MALFORMED", message: "the bytes are not JSON", cause });
  }
}

/** How `JSON.stringify` begins a lone surrogate, which has no canonical form; else it escapes as RFC 8785 does. */
const SURROGATE = "\\ud";

/**
 * Whether `JSON.stringify` writes the value as RFC 8785 does, lone surrogates aside: plain objects with sorted members
 * and values that JSON has. Reading the order is much cheaper than writing in order.
 */
function isInOrder(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value);
    case "object":
      if (value === null) return true;
      if (depth >= MAX_DEPTH) return false;
      if (Array.isArray(value)) {
        for (const item of value) if (!isInOrder(item, depth + 1)) return false;
        return true;
      }
      return isObjectInOrder(value, depth);
    default:
      return false;
  }
}

function isObjectInOrder(value: object, depth: number): boolean {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  const members = value as Record<string, unknown>;
  let before: string | undefined;
  for (const name of Object.keys(members)) {
    if (before !== undefined && before >= name) return false;
    if (!isInOrder(members[name], depth + 1)) return false;
    before = name;
  }
  return true;
}

function write(value: unknown, depth: number): string {
  if (value === null) return "null";
  switch (typeof value) {
    case "string":
      return writeString(value);
    case "boolean":
      return value ? "true" : "false";
    case "number":
      if (!Number.isFinite(value)) throw notJson("a number that is not finite");
      return value === 0 ? "0" : String(value);
    case "object":
      if (depth >= MAX_DEPTH) throw notJson(`nesting deeper than ${MAX_DEPTH}`);
      return Array.isArray(value) ? writeArray(value, depth) : writeObject(value as object, depth);
    default:
      throw notJson(`a ${typeof value}`);
  }
}

/** Printable ASCII without `"` and `\\`: what JSON writes as it is. Most strings of a receipt are such. */
const PLAIN = /^[ !#-[\]-~]*$/;

function writeString(value: string): string {
  if (PLAIN.test(value)) return `"${value}"`;
  if (!value.isWellFormed()) throw notJson("a string with a lone surrogate");
  return JSON.stringify(value);
}

const MAX_NAMES = 1000;
const names = new Map<string, string>();

/** A member's name with its colon. The same few names come again and again: they are written once. */
function writeName(name: string): string {
  const known = names.get(name);
  if (known !== undefined) return known;
  const written = `${writeString(name)}:`;
  if (names.size < MAX_NAMES) names.set(name, written);
  return written;
}

function writeArray(value: readonly unknown[], depth: number): string {
  let out = "[";
  for (let i = 0; i < value.length; i++) {
    if (i > 0) out += ",";
    out += write(value[i], depth + 1);
  }
  return `${out}]`;
}

function writeObject(value: object, depth: number): string {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw notJson("a class instance");
  const members = value as Record<string, unknown>;
  let out = "";
  for (const key of sorted(Object.keys(members))) {
    const member = members[key];
    if (member === undefined) continue;
    out += `${out === "" ? "" : ","}${writeName(key)}${write(member, depth + 1)}`;
  }
  return `{${out}}`;
}

/**
 * Orders names by UTF-16 code units (RFC 8785 section 3.2.3), in place. `<` on strings compares exactly these;
 * for the handful of members that objects have, insertion costs a fraction of `Array.prototype.sort`.
 */
function sorted(names: string[]): string[] {
  if (names.length > 32) return names.sort();
  for (let i = 1; i < names.length; i++) {
    const name = names[i] as string;
    let at = i;
    for (; at > 0 && (names[at - 1] as string) > name; at--) names[at] = names[at - 1] as string;
    names[at] = name;
  }
  return names;
}

function notJson(what: string): FormatError {
  return new FormatError({ code: "VALUE_NOT_JSON", message: `${what} has no canonical JSON` });
}
