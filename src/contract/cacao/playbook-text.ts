import { isJsonObject, type Json, type JsonObject } from "../../format/json.ts";

/** Member `name` of an object when it is a text that is not empty. */
export function textOf(object: JsonObject, name: string): string | undefined {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Member `name` when it is an object, else an empty one. */
export function objectOf(object: JsonObject, name: string): JsonObject {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  return isJsonObject(value) ? value : {};
}

/** Member `name` when it is a list, else an empty one. */
export function listOf(object: JsonObject, name: string): readonly Json[] {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  return Array.isArray(value) ? value : [];
}

/** A CEL string literal. */
export function celString(text: string): string {
  const escaped = text
    .replace(/[\\']/g, "\\$&")
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replaceAll("\t", "\\t")
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what no literal may hold as it is
    .replace(/[\u0000-\u001f\u007f]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return `'${escaped}'`;
}

/** Lower-case letters, digits and `-`, beginning with a letter; `otherwise` when nothing is left. */
export function slug(text: string, otherwise: string): string {
  const plain = text
    .slice(0, 200)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 48)
    .replace(/^[-0-9]+|-+$/g, "");
  return plain === "" ? otherwise : plain;
}

/** `wanted`, or with a number behind it the first that is not taken; taken from then on. */
export function unique(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let count = 2; taken.has(name); count++) name = `${wanted}-${count}`;
  taken.add(name);
  return name;
}

/** Text of at most `length` characters, on one line. */
export function shortText(text: string, length = 200): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}

/** Milliseconds as a duration of a contract; rounded up to what fits nine digits. */
export function durationText(millis: number): string {
  return millis < 1e9 ? `${millis}ms` : `${Math.min(Math.ceil(millis / 1000), 999_999_999)}s`;
}
