import { sha256Hex } from "../../format/crypto.ts";
import { isJsonObject, type Json, type JsonObject } from "../../format/json.ts";
import { malformed, unsupported } from "./openapi-error.ts";
import { follow, type Resolved, refOf } from "./references.ts";

/** Which rules a description's schemas follow: OpenAPI 3.0's own, or JSON Schema 2020-12. */
export type Dialect = "3.0" | "3.1";

/** Turns a description's schemas into JSON Schema 2020-12 whose references are `#/$defs/…`. */
export interface SchemaConverter {
  convert(schema: Json, pointer: string): Json;
  /** Every definition that these schemas need, directly or not, by name. */
  definitionsOf(schemas: readonly Json[]): JsonObject;
}

const MAX_DEPTH = 60;
/** Most definitions that one operation may need. */
const MAX_DEFINITIONS = 5000;

/** Keywords that are kept as they are: assertions, and what a person reads. */
const PLAIN = new Set([
  ..."type enum const multipleOf maximum minimum exclusiveMaximum exclusiveMinimum maxLength minLength".split(
    " ",
  ),
  ..."pattern maxItems minItems uniqueItems maxContains minContains maxProperties minProperties".split(" "),
  ..."required dependentRequired format title description default readOnly writeOnly deprecated".split(" "),
]);
const ONE = new Set(
  "items additionalProperties not contains propertyNames if then else unevaluatedItems unevaluatedProperties".split(
    " ",
  ),
);
const LIST = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);
const NAMED = new Set(["properties", "patternProperties", "dependentSchemas"]);

/**
 * Makes the converter of a description. Each schema that is referred to is converted once, however often it is used, so
 * that recursive schemas and large descriptions cost what they are long.
 */
export function schemaConverter(root: JsonObject, dialect: Dialect): SchemaConverter {
  const definitions = new Map<string, Json>();
  const needs = new Map<string, ReadonlySet<string>>();
  /** Referred to and not converted yet: a chain of schemas, however long, is no deep call. */
  const pending: Resolved[] = [];

  /** What could not be converted: whoever needs it is told, and nobody else. */
  const failures = new Map<string, unknown>();

  function convertAll(schema: Json, pointer: string): Json {
    try {
      return convert(schema, pointer, 0);
    } finally {
      for (let next = pending.pop(); next !== undefined; next = pending.pop()) convertPending(next);
    }
  }

  function convertPending({ value, pointer }: Resolved): void {
    try {
      definitions.set(nameOf(pointer), convert(value, pointer, 0));
    } catch (error) {
      failures.set(nameOf(pointer), error);
    }
  }

  function convert(schema: Json, pointer: string, depth: number): Json {
    if (typeof schema === "boolean") return schema;
    if (!isJsonObject(schema)) throw malformed(pointer, "must be a schema");
    if (depth > MAX_DEPTH)
      throw unsupported(`the schema at \`${pointer}\` is nested deeper than ${MAX_DEPTH} levels`);
    const ref = refOf(schema);
    if (ref === undefined) return convertPlain(schema, pointer, depth);
    const reference = { $ref: `#/$defs/${define(schema, pointer)}` };
    // OpenAPI 3.0 ignores what stands beside a reference; JSON Schema 2020-12 does not.
    if (dialect === "3.0") return reference;
    const { $ref: _, ...beside } = schema;
    return { ...(convertPlain(beside, pointer, depth) as JsonObject), ...reference };
  }

  function define(reference: JsonObject, pointer: string): string {
    const target = follow(root, reference, pointer);
    const name = nameOf(target.pointer);
    if (!definitions.has(name)) {
      definitions.set(name, true);
      pending.push(target);
    }
    return name;
  }

  function convertPlain(schema: JsonObject, pointer: string, depth: number): Json {
    const out = new Map<string, Json>();
    const child = (value: Json, at: string) => convert(value, `${pointer}/${at}`, depth + 1);
    for (const [keyword, value] of Object.entries(schema)) {
      if (keyword === "$dynamicRef" || keyword === "$recursiveRef")
        throw unsupported(`\`${keyword}\` at \`${pointer}\` is not read`, "write it as `$ref`");
      if (PLAIN.has(keyword)) out.set(keyword, plain(keyword, value, pointer));
      else if (ONE.has(keyword)) out.set(keyword, child(value, keyword));
      else if (LIST.has(keyword)) {
        if (!Array.isArray(value)) throw malformed(`${pointer}/${keyword}`, "must be a list of schemas");
        out.set(
          keyword,
          value.map((item: Json, index) => child(item, `${keyword}/${index}`)),
        );
      } else if (NAMED.has(keyword)) {
        if (!isJsonObject(value)) throw malformed(`${pointer}/${keyword}`, "must be an object of schemas");
        const members = Object.entries(value).map(
          ([name, item]) => [name, child(item, `${keyword}/${name}`)] as const,
        );
        out.set(keyword, Object.fromEntries(members));
      }
    }
    return dialect === "3.0" ? modernized(out, schema.nullable === true) : Object.fromEntries(out);
  }

  function needed(name: string): ReadonlySet<string> {
    let found = needs.get(name);
    if (found === undefined) {
      found = new Set(namesIn(definitions.get(name) ?? true));
      needs.set(name, found);
    }
    return found;
  }

  return {
    convert: convertAll,
    definitionsOf(schemas) {
      const todo = schemas.flatMap((schema) => [...namesIn(schema)]);
      const all = new Set<string>();
      for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
        if (all.has(name)) continue;
        if (failures.has(name)) throw failures.get(name);
        all.add(name);
        if (all.size > MAX_DEFINITIONS) throw unsupported(`it needs more than ${MAX_DEFINITIONS} schemas`);
        todo.push(...needed(name));
      }
      return Object.fromEntries([...all].map((name) => [name, definitions.get(name) ?? true]));
    },
  };
}

function plain(keyword: string, value: Json, pointer: string): Json {
  const at = `${pointer}/${keyword}`;
  const isText = typeof value === "string";
  if ((keyword === "pattern" || keyword === "format") && !isText) throw malformed(at, "must be text");
  if ((keyword === "title" || keyword === "description") && isText) return value.toWellFormed();
  if (keyword === "required") {
    // A boolean here is a habit from older descriptions; it says nothing about members.
    if (typeof value === "boolean") return [];
    if (!Array.isArray(value) || !value.every((name) => typeof name === "string"))
      throw malformed(at, "must be a list of names");
  }
  if (keyword === "enum" && !Array.isArray(value)) throw malformed(at, "must be a list");
  if (/^(max|min)(Length|Items|Properties|Contains)$/.test(keyword) && typeof value !== "number")
    throw malformed(at, "must be a number");
  return value;
}

/** OpenAPI 3.0's own keywords as JSON Schema 2020-12 says them. */
function modernized(out: Map<string, Json>, nullable: boolean): Json {
  for (const [bound, exclusive] of [
    ["minimum", "exclusiveMinimum"],
    ["maximum", "exclusiveMaximum"],
  ] as const) {
    const flag = out.get(exclusive);
    if (typeof flag !== "boolean") continue;
    out.delete(exclusive);
    const value = out.get(bound);
    if (!flag || value === undefined) continue;
    out.delete(bound);
    out.set(exclusive, value);
  }
  if (!nullable) return Object.fromEntries(out);
  const type = out.get("type");
  if (typeof type !== "string") return { anyOf: [Object.fromEntries(out), { type: "null" }] };
  out.set("type", [type, "null"]);
  const values = out.get("enum");
  if (Array.isArray(values) && !values.includes(null))
    out.set("enum", [...(values as readonly Json[]), null]);
  return Object.fromEntries(out);
}

/** The name of a definition: the schema's own where it has a plain one, so that it stays the same. */
function nameOf(pointer: string): string {
  const own = /^\/components\/schemas\/([A-Za-z0-9._-]+)$/.exec(pointer)?.[1];
  return own ?? `at.${sha256Hex(pointer).slice(0, 16)}`;
}

/** The definition that a reference of ours names. */
export function nameOfRef(ref: string): string {
  return ref.slice("#/$defs/".length);
}

function* namesIn(schema: Json): Generator<string> {
  if (typeof schema !== "object" || schema === null) return;
  const ref = refOf(schema);
  if (ref?.startsWith("#/$defs/")) yield nameOfRef(ref);
  for (const child of Object.values(schema)) yield* namesIn(child as Json);
}
