import { nameOfRef } from "../../src/contract/openapi/convert-schema.ts";
import { isJsonObject, type Json, type JsonObject } from "../../src/format/json.ts";

/** How deep a value is made; what lies deeper is left out where it may be. */
const MAX_DEPTH = 8;

/**
 * A value that fits a schema of an operation, the same each time: the vendor's own constant, default or first
 * listed value where the schema has one, else the smallest. Whether it fits is not believed: the adapter holds it against the schema.
 *
 * @throws Error for what it cannot make, such as text that must match a pattern.
 */
export function generateAnswer(schema: Json | undefined, definitions: JsonObject, depth = 0): Json {
  if (schema === undefined || !isJsonObject(schema)) return {};
  const again = (child: Json | undefined, deeper = depth) => generateAnswer(child, definitions, deeper);
  if (typeof schema.$ref === "string") return again(definitions[nameOfRef(schema.$ref)]);
  const given = givenBy(schema);
  if (given !== undefined) return given;
  for (const keyword of ["anyOf", "oneOf"] as const) {
    const choice = schema[keyword];
    if (!Array.isArray(choice)) continue;
    const picked = (choice as Json[]).find((one) => !isNull(one)) ?? null;
    return merged(again(picked), again({ ...schema, [keyword]: null }));
  }
  if (Array.isArray(schema.allOf)) {
    const parts = (schema.allOf as Json[]).map((part) => again(part));
    return parts.reduce(merged, again({ ...schema, allOf: null }));
  }
  const types = Array.isArray(schema.type) ? (schema.type as Json[]) : [schema.type ?? null];
  const type = types.find((one) => one !== "null") ?? "null";
  if (type === "object" || isJsonObject(schema.properties ?? null))
    return objectOf(schema, definitions, depth);
  if (type === "array") {
    const fewest = Number(schema.minItems ?? 1);
    return Array.from({ length: depth > MAX_DEPTH ? 0 : Math.max(1, fewest) }, () =>
      again(schema.items, depth + 1),
    );
  }
  if (type === "integer" || type === "number") return Number(schema.minimum ?? 1);
  if (type === "boolean") return false;
  if (type === "string") return textOf(schema);
  return schema.type === undefined ? {} : null;
}

function objectOf(schema: JsonObject, definitions: JsonObject, depth: number): Json {
  const properties = isJsonObject(schema.properties ?? null) ? (schema.properties as JsonObject) : {};
  const required = new Set(Array.isArray(schema.required) ? (schema.required as Json[]) : []);
  const members = Object.entries(properties).filter(([name]) => required.has(name) || depth < 2);
  if (depth > MAX_DEPTH) return {};
  return Object.fromEntries(
    members.map(([name, child]) => [name, generateAnswer(child, definitions, depth + 1)]),
  );
}

/** What the description itself gives as a value. */
function givenBy(schema: JsonObject): Json | undefined {
  if (Object.hasOwn(schema, "const")) return schema.const;
  const { enum: values } = schema;
  if (Object.hasOwn(schema, "default") && schema.default !== null) return schema.default;
  return Array.isArray(values) ? (values as Json[]).find((value) => value !== null) : undefined;
}

const TEXTS: Readonly<Record<string, string>> = {
  "date-time": "2026-01-02T03:04:05Z",
  date: "2026-01-02",
  uri: "https://service.example/item",
  uuid: "00000000-0000-4000-8000-000000000001",
  email: "somebody@service.example",
};

function textOf({ format, pattern, minLength }: JsonObject): string {
  const text = (TEXTS[String(format)] ?? "text").padEnd(Number(minLength ?? 0), "x");
  if (typeof pattern === "string" && !new RegExp(pattern).test(text))
    throw new Error(`no text is made for the pattern ${pattern}: the call must say one`);
  return text;
}

/** Object members of both, the second's first. */
export function merged(under: Json, over: Json): Json {
  if (!isJsonObject(under)) return isJsonObject(over) && Object.keys(over).length === 0 ? under : over;
  if (!isJsonObject(over)) return over;
  const entries = Object.entries(over).map(([name, value]) => [
    name,
    Object.hasOwn(under, name) && isJsonObject(value) ? merged(under[name] as Json, value) : value,
  ]);
  return { ...under, ...(Object.fromEntries(entries) as JsonObject) };
}

function isNull(schema: Json): boolean {
  return isJsonObject(schema) && schema.type === "null";
}
