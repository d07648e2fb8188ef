import { isJsonObject, type Json, type JsonObject } from "../format/json.ts";
import { compilePattern, re2Finds } from "./cel-environment.ts";
import { CelBound } from "./cel-value.ts";
import { checkSchema } from "./check-schema.ts";
import { type FormatName, formats, matchesFormat } from "./data-format.ts";
import { type Fault, type FaultCode, type Path, pathText } from "./fault.ts";

const MAX_DEPTH = 16;
const MAX_NODES = 1000;
const TYPES = ["object", "array", "string", "integer", "number", "boolean", "null"];
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,99}$/;

/** Keywords of the profile, by the kind of value each takes. */
const KEYWORDS: Readonly<Record<string, "text" | "count" | "number" | "boolean" | "any" | "schema" | "own">> =
  {
    title: "text",
    description: "text",
    examples: "any",
    default: "any",
    const: "any",
    minLength: "count",
    maxLength: "count",
    minItems: "count",
    maxItems: "count",
    minProperties: "count",
    maxProperties: "count",
    minimum: "number",
    maximum: "number",
    exclusiveMinimum: "number",
    exclusiveMaximum: "number",
    multipleOf: "number",
    uniqueItems: "boolean",
    items: "schema",
    additionalProperties: "own",
    anyOf: "own",
    enum: "own",
    format: "own",
    pattern: "own",
    properties: "own",
    required: "own",
    sensitive: "own",
    type: "own",
  };

/** A data schema ready for use. */
export interface DataSchema {
  /** Every fault of a value, with its path in the value. */
  check(value: Json): readonly Fault[];
  /** The value with the defaults of missing members filled in; the value itself is left as it is. */
  applyDefaults(value: Json): Json;
}

/** A fault of a data schema, with the path inside it. */
export interface DataSchemaFault {
  readonly path: Path;
  readonly code: FaultCode;
  readonly message: string;
}

const compiled = new WeakMap<object, DataSchema>();

/**
 * Compiles the schema of a contract's or runbook's inputs or outputs. The schema must have passed
 * `inspectDataSchema`. Patterns run on RE2: a hostile schema costs linear time.
 */
export function compileDataSchema(schema: object): DataSchema {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const checked = translate(schema as Json) as object;
  const made: DataSchema = Object.freeze({
    check: (value: Json) =>
      checkSchema(checked, value).map((fault) => ({ ...fault, path: pathText(fault.path) })),
    applyDefaults: (value: Json) => withDefaults(schema as Json, value),
  });
  compiled.set(schema, made);
  return made;
}

/**
 * Lists what in a schema is outside the profile of JSON Schema 2020-12 that contracts may use
 * (`spec/contract.md`): a closed list of keywords, no references, patterns that RE2 accepts, named formats,
 * at most 1,000 schemas nested 16 deep. Members marked `sensitive: true` are refused: inputs cannot be sealed yet.
 */
export function inspectDataSchema(schema: unknown, at: Path): DataSchemaFault[] {
  const faults: DataSchemaFault[] = [];
  const left = { nodes: MAX_NODES };
  inspect(schema, at, 0, left, (path, code, message) => faults.push({ path, code, message }));
  return faults;
}

type Report = (path: Path, code: FaultCode, message: string) => void;

function inspect(schema: unknown, at: Path, depth: number, left: { nodes: number }, report: Report): void {
  if (!isJsonObject(schema)) {
    report(at, "data-schema", "a schema must be an object");
    return;
  }
  if (depth > MAX_DEPTH) {
    report(at, "data-schema", `schemas may be nested ${MAX_DEPTH} deep`);
    return;
  }
  if (--left.nodes === -1) report(at, "data-schema", `there may be ${MAX_NODES} schemas`);
  if (left.nodes < 0) return;

  for (const [keyword, value] of Object.entries(schema)) {
    const path = [...at, keyword];
    const kind = Object.hasOwn(KEYWORDS, keyword) ? KEYWORDS[keyword] : undefined;
    if (kind === undefined) report(path, "data-schema", "is not a keyword of data schemas");
    else if (!hasKind(value, kind))
      report(path, "data-schema", `must be ${KIND_TEXT[kind] ?? "another value"}`);
    else if (kind === "schema") inspect(value, path, depth + 1, left, report);
    else if (kind === "own") inspectOwn(keyword, value, path, depth, left, report);
  }
  if (schema.default !== undefined) inspectDefault(schema, at, report);
}

const KIND_TEXT: Readonly<Record<string, string>> = {
  text: "a string",
  count: "a whole number, 0 or more",
  number: "a number",
  boolean: "true or false",
};

function hasKind(value: Json, kind: string): boolean {
  if (kind === "text") return typeof value === "string";
  if (kind === "count") return Number.isSafeInteger(value) && (value as number) >= 0;
  if (kind === "number") return typeof value === "number";
  return kind !== "boolean" || typeof value === "boolean";
}

function inspectOwn(
  keyword: string,
  value: Json,
  at: Path,
  depth: number,
  left: { nodes: number },
  report: Report,
): void {
  const refuse = (message: string, path = at) => report(path, "data-schema", message);
  switch (keyword) {
    case "type": {
      const types: readonly Json[] = Array.isArray(value) ? value : [value];
      const known =
        types.length > 0 && types.every((type) => typeof type === "string" && TYPES.includes(type));
      if (!known) refuse(`must be one of ${TYPES.map((t) => `\`${t}\``).join(", ")}`);
      return;
    }
    case "properties":
      if (!isJsonObject(value)) {
        refuse("must be an object of schemas");
        return;
      }
      for (const [name, child] of Object.entries(value)) {
        if (!NAME.test(name)) refuse("a member's name has letters, digits, `_`, `-` and `.`", [...at, name]);
        inspect(child, [...at, name], depth + 1, left, report);
      }
      return;
    case "additionalProperties":
      if (typeof value !== "boolean") inspect(value, at, depth + 1, left, report);
      return;
    case "anyOf":
      if (!Array.isArray(value) || value.length === 0) {
        refuse("must be a list of schemas");
        return;
      }
      for (const [index, child] of value.entries()) inspect(child, [...at, index], depth + 1, left, report);
      return;
    case "required":
      if (!Array.isArray(value) || !value.every((name) => typeof name === "string"))
        refuse("must be a list of names");
      return;
    case "enum":
      if (!Array.isArray(value) || value.length === 0) refuse("must be a list of values");
      return;
    case "format":
      if (typeof value !== "string" || !Object.hasOwn(formats, value)) {
        refuse(
          `must be one of ${Object.keys(formats)
            .map((f) => `\`${f}\``)
            .join(", ")}`,
        );
      }
      return;
    case "pattern":
      if (typeof value !== "string") {
        refuse("must be a string");
        return;
      }
      try {
        compilePattern(value);
      } catch (error) {
        refuse(error instanceof Error ? error.message : "is not an RE2 pattern");
      }
      return;
    default:
      if (value === true)
        report(at, "unsupported", "sensitive inputs and outputs are refused: they cannot be sealed yet");
      else if (value !== false) refuse("must be true or false");
  }
}

function inspectDefault(schema: JsonObject, at: Path, report: Report): void {
  // Only a sound schema can say whether its default fits.
  const { default: value, ...rest } = schema;
  if (value === undefined) return;
  const probe: string[] = [];
  inspect(rest, at, 0, { nodes: MAX_NODES }, (_path, _code, message) => probe.push(message));
  if (probe.length === 0 && checkSchema(translate(rest) as object, value).length > 0) {
    report([...at, "default"], "data-schema", "does not fit its own schema");
  }
}

/** The schema as the checker takes it: `pattern` and `format` become refinements of ours. */
function translate(schema: Json): Json | object {
  if (!isJsonObject(schema)) return schema;
  const out: Record<string, unknown> = {};
  const refinements: { check(value: unknown): boolean; error(): string }[] = [];
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === "pattern") refinements.push(patternRefinement(value as string));
    else if (keyword === "format") refinements.push(formatRefinement(value as FormatName));
    else if (keyword === "items") out[keyword] = translate(value);
    else if (keyword === "additionalProperties") out[keyword] = translate(value);
    else if (keyword === "anyOf") out[keyword] = (value as readonly Json[]).map(translate);
    else if (keyword === "properties") {
      out[keyword] = Object.fromEntries(
        Object.entries(value as JsonObject).map(([k, v]) => [k, translate(v)]),
      );
    } else if (!ANNOTATIONS.has(keyword)) out[keyword] = value;
  }
  if (refinements.length > 0) out["~refine"] = refinements;
  return out;
}

const ANNOTATIONS = new Set(["title", "description", "examples", "default", "sensitive"]);

function patternRefinement(pattern: string) {
  return {
    check: (value: unknown) => typeof value !== "string" || matchesPattern(pattern, value),
    error: () => `must match \`${pattern}\``,
  };
}

/** A text that is too long for its pattern does not fit it. */
function matchesPattern(pattern: string, text: string): boolean {
  try {
    return re2Finds(pattern, text);
  } catch (error) {
    if (error instanceof CelBound) return false;
    throw error;
  }
}

function formatRefinement(format: FormatName) {
  return {
    check: (value: unknown) => typeof value !== "string" || matchesFormat(format, value),
    error: () => `must be ${formats[format]}`,
  };
}

function withDefaults(schema: Json, value: Json): Json {
  if (!isJsonObject(schema)) return value;
  if (Array.isArray(value)) {
    return schema.items === undefined ? value : value.map((item) => withDefaults(schema.items as Json, item));
  }
  if (!isJsonObject(value) || !isJsonObject(schema.properties)) return value;
  const out: { [key: string]: Json } = { ...value };
  for (const [name, child] of Object.entries(schema.properties)) {
    const present = Object.hasOwn(value, name) ? value[name] : undefined;
    const filled = present ?? (isJsonObject(child) && present === undefined ? child.default : undefined);
    if (filled !== undefined) out[name] = withDefaults(child, filled);
  }
  return out;
}
