import { isJsonObject, type Json, type JsonObject } from "../../format/json.ts";
import { compilePattern } from "../cel-environment.ts";
import { nameOfRef } from "./convert-schema.ts";

/** Deeper than this a draft says nothing: it is read by people, and the adapter has the whole schema. */
const MAX_DEPTH = 3;
/** Most schemas that one draft spells out. */
const MAX_NODES = 100;
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,99}$/;
const KEPT =
  "type const enum minLength maxLength minItems maxItems minProperties maxProperties minimum maximum exclusiveMinimum exclusiveMaximum uniqueItems".split(
    " ",
  );
const COUNTS = /^(min|max)(Length|Items|Properties)$/;

/**
 * A schema of a description within the profile that contracts' schemas keep (`spec/contract.md`): references are put in
 * their place, and what the profile cannot say is left out. It accepts everything that the schema accepts; the adapter
 * holds values against the whole.
 *
 * @param definitions the schema's `$defs`.
 */
export function profileSchema(schema: Json, definitions: JsonObject): JsonObject {
  return simplify(schema, definitions, 0, { nodes: MAX_NODES });
}

function simplify(raw: Json, definitions: JsonObject, depth: number, left: { nodes: number }): JsonObject {
  if (!isJsonObject(raw) || depth > MAX_DEPTH || --left.nodes < 0) return {};
  let schema = raw;
  for (let i = 0; typeof schema.$ref === "string"; i++) {
    const target = definitions[nameOfRef(schema.$ref)];
    if (!isJsonObject(target) || i > 20) return {};
    schema = target;
  }
  const out = new Map<string, Json>();
  for (const keyword of KEPT) {
    const value = schema[keyword];
    if (value === undefined || (COUNTS.test(keyword) && !isCount(value))) continue;
    if (/imum$/i.test(keyword) && typeof value !== "number") continue;
    if (keyword === "enum" && (!Array.isArray(value) || value.length === 0)) continue;
    out.set(keyword, value);
  }
  if (typeof schema.description === "string")
    out.set("description", schema.description.slice(0, 500).toWellFormed());
  if (typeof schema.pattern === "string" && isPattern(schema.pattern)) out.set("pattern", schema.pattern);
  if (isJsonObject(schema.items)) out.set("items", simplify(schema.items, definitions, depth + 1, left));
  const branches = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(branches) && branches.length > 0)
    out.set(
      "anyOf",
      (branches as readonly Json[]).map((branch) => simplify(branch, definitions, depth + 1, left)),
    );
  addMembers(schema, definitions, depth, left, out);
  return Object.fromEntries(out);
}

function addMembers(
  schema: JsonObject,
  definitions: JsonObject,
  depth: number,
  left: { nodes: number },
  out: Map<string, Json>,
): void {
  const properties = isJsonObject(schema.properties) ? Object.entries(schema.properties) : [];
  const named = properties.filter(([name]) => NAME.test(name) && name !== "__proto__");
  if (named.length > 0) {
    const members = named.map(
      ([name, member]) => [name, simplify(member, definitions, depth + 1, left)] as const,
    );
    out.set("properties", Object.fromEntries(members));
    // What may be missing one way (`readOnly`, `writeOnly`) is the adapter's to know.
    const required = (Array.isArray(schema.required) ? (schema.required as readonly Json[]) : []).filter(
      (name) =>
        typeof name === "string" &&
        named.some(([known, member]) => known === name && !isOneWay(member, definitions)),
    );
    if (required.length > 0) out.set("required", required);
  }
  if (!Object.hasOwn(schema, "additionalProperties") || Object.hasOwn(schema, "patternProperties")) return;
  if (schema.additionalProperties === false && named.length === properties.length)
    out.set("additionalProperties", false);
  else if (isJsonObject(schema.additionalProperties) && named.length === properties.length)
    out.set("additionalProperties", simplify(schema.additionalProperties, definitions, depth + 1, left));
}

function isOneWay(schema: Json, definitions: JsonObject): boolean {
  let at: Json | undefined = schema;
  for (let i = 0; i < 10 && isJsonObject(at); i++) {
    if (at.readOnly === true || at.writeOnly === true) return true;
    at = typeof at.$ref === "string" ? definitions[nameOfRef(at.$ref)] : undefined;
  }
  return false;
}

function isCount(value: Json): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isPattern(pattern: string): boolean {
  try {
    compilePattern(pattern);
    return true;
  } catch {
    return false;
  }
}
