import { Check } from "typebox/schema";
import { compilePattern, re2Finds } from "../../contract/cel-environment.ts";
import { CelBound } from "../../contract/cel-value.ts";
import { checkSchema } from "../../contract/check-schema.ts";
import { pathText } from "../../contract/fault.ts";
import { nameOfRef } from "../../contract/openapi/convert-schema.ts";
import type { Operation } from "../../contract/openapi/operation.ts";
import { isJsonObject, type Json, type JsonObject } from "../../format/json.ts";

/** A way in which a value does not fit its schema. */
export type Misfit = { readonly path: string; readonly message: string };

/** Which way a value goes: what is `readOnly` is not required of a request, what is `writeOnly` not of a response. */
export type Direction = "request" | "response";

/** Holds values against the schemas of one operation. */
export type OperationCheck = (direction: Direction, schema: Json, value: Json) => readonly Misfit[];

/** Most misfits that are told. */
const MAX_MISFITS = 20;
/** How often a value may be held against a definition: so many times, and so many times more for each value in it. */
const STEPS = 50_000;
const STEPS_PER_VALUE = 5;

/** The check was given up: alternatives that refer to themselves take time that doubles with each level of a value. */
class StepsExceeded extends Error {}

/**
 * Prepares the schemas of an operation. Patterns run on RE2, in linear time; one that RE2 does not know is not checked,
 * and neither is `format`. A value whose check takes too many steps does not fit.
 */
export function operationCheck({ $defs }: Operation): OperationCheck {
  const definitions = $defs as JsonObject;
  const ready = new Map<string, object>();
  const translated = new WeakMap<object, Record<Direction, unknown>>();
  let steps = 0;
  const counted = {
    "~refine": [
      {
        check: () => {
          if (--steps < 0) throw new StepsExceeded();
          return true;
        },
        error: () => "",
      },
    ],
  };

  function schemasOf(direction: Direction): object {
    let found = ready.get(direction);
    if (found === undefined) {
      const entries = Object.entries(definitions).map(([name, schema]) => [
        name,
        // Every recursion comes through a definition.
        { allOf: [counted, translate(schema, direction)] },
      ]);
      found = Object.fromEntries(entries) as object;
      ready.set(direction, found);
    }
    return found;
  }

  function translate(schema: Json, direction: Direction): unknown {
    if (!isJsonObject(schema)) return schema;
    const out = new Map<string, unknown>();
    const refinements: { check(value: unknown): boolean; error(): string }[] = [];
    const all = (members: JsonObject) =>
      Object.fromEntries(Object.entries(members).map(([name, child]) => [name, translate(child, direction)]));
    for (const [keyword, value] of Object.entries(schema)) {
      if (ANNOTATIONS.has(keyword)) continue;
      if (keyword === "pattern") {
        if (isPattern(String(value))) refinements.push(patternRefinement(String(value)));
      } else if (keyword === "required") out.set(keyword, requiredOf(schema, direction));
      else if (keyword === "patternProperties") {
        const rest = translate(schema.additionalProperties ?? true, direction);
        refinements.push(namesRefinement(schema, all(value as JsonObject), rest, () => schemasOf(direction)));
      } else if (keyword === "additionalProperties" && Object.hasOwn(schema, "patternProperties")) continue;
      else if (NAMED.has(keyword)) out.set(keyword, all(value as JsonObject));
      else if (LIST.has(keyword))
        out.set(
          keyword,
          (value as readonly Json[]).map((child) => translate(child, direction)),
        );
      else if (ONE.has(keyword)) out.set(keyword, translate(value, direction));
      else out.set(keyword, value);
    }
    if (refinements.length > 0) out.set("~refine", refinements);
    return Object.fromEntries(out);
  }

  /** Members that a value going this way must have. */
  function requiredOf(schema: JsonObject, direction: Direction): string[] {
    const names = Array.isArray(schema.required) ? (schema.required as string[]) : [];
    const properties: JsonObject = isJsonObject(schema.properties) ? schema.properties : {};
    const flag = direction === "request" ? "readOnly" : "writeOnly";
    return names.filter((name) => !(Object.hasOwn(properties, name) && isMarked(properties[name], flag)));
  }

  function isMarked(schema: Json | undefined, flag: string): boolean {
    let at = schema;
    for (let i = 0; i < 10 && isJsonObject(at); i++) {
      if (at[flag] === true) return true;
      if (typeof at.$ref !== "string") return false;
      at = definitions[nameOfRef(at.$ref)];
    }
    return false;
  }

  return (direction, schema, value) => {
    const key = isJsonObject(schema) ? schema : {};
    const forms = translated.get(key) ?? { request: undefined, response: undefined };
    forms[direction] ??= translate(schema, direction);
    translated.set(key, forms);
    const whole = wholeOf(forms[direction], schemasOf(direction));
    const plain = bare(value);
    steps = STEPS + STEPS_PER_VALUE * valuesIn(plain);
    try {
      if (Check(whole, plain)) return [];
      return checkSchema(whole, plain)
        .slice(0, MAX_MISFITS)
        .map(({ path, message }) => ({
          path: pathText(path).toWellFormed(),
          message: message.slice(0, 300),
        }));
    } catch (error) {
      if (!(error instanceof StepsExceeded)) throw error;
      return [{ path: "", message: "takes too many steps to be held against its schema" }];
    }
  };
}

/** How many values a value consists of, itself included. */
function valuesIn(value: Json): number {
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value as JsonObject).reduce<number>((sum, child) => sum + valuesIn(child), 1);
}

/** A schema beside the definitions that it refers to. */
function wholeOf(schema: unknown, $defs: object): object {
  return { allOf: [schema], $defs };
}

const ANNOTATIONS = new Set("title description default format readOnly writeOnly deprecated".split(" "));
const ONE = new Set(
  "items additionalProperties not contains propertyNames if then else unevaluatedItems unevaluatedProperties".split(
    " ",
  ),
);
const LIST = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);
const NAMED = new Set(["properties", "dependentSchemas"]);

/** Whether RE2 knows a pattern; one that it does not know is not checked. */
function isPattern(pattern: string): boolean {
  try {
    compilePattern(pattern);
    return true;
  } catch {
    return false;
  }
}

function matches(pattern: string, text: string): boolean {
  try {
    return re2Finds(pattern, text);
  } catch (error) {
    // A text that is too long for its pattern does not fit it.
    if (error instanceof CelBound) return false;
    throw error;
  }
}

function patternRefinement(pattern: string) {
  return {
    check: (value: unknown) => typeof value !== "string" || matches(pattern, value),
    error: () => `must match \`${pattern}\``,
  };
}

/** `patternProperties` and what it leaves to `additionalProperties`, with patterns on RE2. */
function namesRefinement(
  schema: JsonObject,
  byPattern: Readonly<Record<string, unknown>>,
  rest: unknown,
  definitions: () => object,
) {
  const known: JsonObject = isJsonObject(schema.properties) ? schema.properties : {};
  const patterns = Object.entries(byPattern).filter(([pattern]) => isPattern(pattern));
  // With a pattern that is not checked, nobody can say which names are left over.
  const restApplies = patterns.length === Object.keys(byPattern).length;
  const fits = (sub: unknown, value: unknown) => Check(wholeOf(sub, definitions()), value);
  return {
    check(value: unknown): boolean {
      if (!isJsonObject(value)) return true;
      return Object.entries(value).every(([name, member]) => {
        const meant = patterns.filter(([pattern]) => matches(pattern, name));
        if (meant.length === 0 && restApplies && !Object.hasOwn(known, name)) return fits(rest, member);
        return meant.every(([, sub]) => fits(sub, member));
      });
    },
    error: () => "has a member that its name's pattern does not allow",
  };
}

/** A value whose objects inherit nothing: a member named `constructor` is there only when it was sent. */
export function bare(value: Json): Json {
  if (Array.isArray(value)) return value.map(bare);
  if (!isJsonObject(value)) return value;
  const out = Object.create(null) as { [name: string]: Json };
  for (const [name, child] of Object.entries(value))
    Object.defineProperty(out, name, {
      value: bare(child),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  return out;
}
