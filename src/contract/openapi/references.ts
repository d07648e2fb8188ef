import { isJsonObject, type Json, type JsonObject } from "../../format/json.ts";
import { malformed, OpenapiError } from "./openapi-error.ts";

/** Where a chain of references ends. */
export interface Resolved {
  readonly value: Json;
  /** JSON pointer (RFC 6901) of the value, always spelled the same way. */
  readonly pointer: string;
}

/** The `$ref` of a value that is a reference, else undefined. */
export function refOf(value: Json): string | undefined {
  return isJsonObject(value) && Object.hasOwn(value, "$ref") && typeof value.$ref === "string"
    ? value.$ref
    : undefined;
}

/**
 * Follows references until what they lead to is none. Nothing is fetched.
 *
 * @throws OpenapiError `REFERENCE_REFUSED` when one leads outside the description, to nothing, or in a circle that holds
 *   nothing but references.
 */
export function follow(root: JsonObject, value: Json, pointer: string): Resolved {
  const seen = new Set<string>();
  let at: Resolved = { value, pointer };
  for (;;) {
    const ref = refOf(at.value);
    if (ref === undefined) return at;
    if (!ref.startsWith("#/") && ref !== "#") throw outside(ref, at.pointer);
    const parts = partsOf(ref);
    const target = pointerOf(parts);
    if (seen.has(target)) throw refused(`\`${ref.slice(0, 200)}\` at \`${pointer}\` points to itself`);
    seen.add(target);
    at = { value: valueAt(root, parts, ref, at.pointer), pointer: target };
  }
}

function outside(ref: string, at: string): OpenapiError {
  if (ref.startsWith("#"))
    return refused(
      `\`$ref\` \`${ref.slice(0, 200)}\` at \`${at}\` names an anchor`,
      "write it as a JSON pointer",
    );
  return refused(
    `\`$ref\` \`${ref.slice(0, 200)}\` at \`${at}\` leads outside the description, and was not fetched`,
    "bundle the description into one file, or allow it with `--allow-fetch`",
  );
}

function refused(message: string, hint?: string): OpenapiError {
  return new OpenapiError({ code: "REFERENCE_REFUSED", message, hint });
}

function valueAt(root: JsonObject, parts: readonly string[], ref: string, from: string): Json {
  let value: Json = root;
  for (const part of parts) {
    const next: Json | undefined = Array.isArray(value)
      ? (value[Number(part)] as Json | undefined)
      : isJsonObject(value) && Object.hasOwn(value, part)
        ? value[part]
        : undefined;
    if (next === undefined)
      throw refused(`\`$ref\` \`${ref.slice(0, 200)}\` at \`${from}\` leads to nothing`);
    value = next;
  }
  return value;
}

/** The parts of a reference's JSON pointer; its percent-encoding is undone. */
export function partsOf(ref: string): string[] {
  const text = ref.slice(1);
  if (text === "") return [];
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    decoded = text;
  }
  return decoded
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** A JSON pointer of these parts. */
export function pointerOf(parts: readonly string[]): string {
  return parts.map((part) => `/${part.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** A member that is an object, or an empty one. @throws OpenapiError when it is something else. */
export function objectAt(value: JsonObject, name: string, at: string): JsonObject {
  const member = Object.hasOwn(value, name) ? value[name] : undefined;
  if (member === undefined || member === null) return {};
  if (isJsonObject(member)) return member;
  throw malformed(`${at}/${name}`, "must be an object");
}

/** A member that is a list, or an empty one. @throws OpenapiError when it is something else. */
export function listAt(value: JsonObject, name: string, at: string): readonly Json[] {
  const member = Object.hasOwn(value, name) ? value[name] : undefined;
  if (member === undefined || member === null) return [];
  if (Array.isArray(member)) return member;
  throw malformed(`${at}/${name}`, "must be a list");
}

/** A member that is text, else undefined. */
export function textAt(value: JsonObject, name: string): string | undefined {
  const member = Object.hasOwn(value, name) ? value[name] : undefined;
  return typeof member === "string" && member.trim() !== "" ? member.trim().toWellFormed() : undefined;
}
