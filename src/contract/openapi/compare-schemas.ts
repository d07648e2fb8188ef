import { isJsonObject, type Json, type JsonObject } from "../../format/json.ts";
import { sameJson } from "../change.ts";
import { nameOfRef } from "./convert-schema.ts";

/** How a schema differs from what it was: what it accepts. */
export type Difference = "same" | "widened" | "narrowed" | "changed";

/** A schema with the definitions that it refers to. */
export interface Rooted {
  readonly schema: Json;
  readonly definitions: JsonObject;
}

const MAX_DEPTH = 100;
const WORDS = new Set("title description default format readOnly writeOnly deprecated".split(" "));
/** Bounds: a greater value accepts more (1), or less (-1). */
const BOUNDS: Readonly<Record<string, 1 | -1>> = {
  minimum: -1,
  exclusiveMinimum: -1,
  minLength: -1,
  minItems: -1,
  minProperties: -1,
  maximum: 1,
  exclusiveMaximum: 1,
  maxLength: 1,
  maxItems: 1,
  maxProperties: 1,
};

/** Keywords whose difference is that of the schemas below them. */
const NESTING = new Set(["properties", "items", "additionalProperties", "allOf"]);

/**
 * Compares what two schemas accept, member by member. Where it cannot tell, it says `changed`. A new optional member
 * counts as `widened`, a member that is gone as `narrowed`.
 *
 * @param isAnswer whether readers rely on it: then only more members are `widened`, other values are `changed`.
 */
export function compareSchemas(before: Rooted, after: Rooted, isAnswer: boolean): Difference {
  return compare(before, after, isAnswer, new Set(), 0);
}

function compare(
  before: Rooted,
  after: Rooted,
  isAnswer: boolean,
  met: Set<string>,
  depth: number,
): Difference {
  if (depth > MAX_DEPTH) return "changed";
  const [oldRef, newRef] = [refOf(before.schema), refOf(after.schema)];
  // Beside a reference an inline schema has no name to be met again by.
  if (oldRef !== undefined && newRef !== undefined) {
    const key = `${oldRef} ${newRef}`;
    // The same pair again: a recursive schema, compared where it was met first.
    if (met.has(key)) return "same";
    met.add(key);
  }
  const [old, now] = [resolve(before), resolve(after)];
  if (old === undefined || now === undefined) return "changed";
  if (typeof old === "boolean" || typeof now === "boolean") return compareBooleans(old, now);
  const found: Difference[] = [];
  const below = (a: Json, b: Json) =>
    compare({ ...before, schema: a }, { ...after, schema: b }, isAnswer, met, depth + 1);
  const firm = (keyword: string, difference: Difference) =>
    isAnswer && difference === "widened" && !NESTING.has(keyword) ? "changed" : difference;
  for (const keyword of new Set([...Object.keys(old), ...Object.keys(now)])) {
    if (WORDS.has(keyword) || keyword === "required") continue;
    found.push(firm(keyword, compareKeyword(keyword, old[keyword], now[keyword], below)));
  }
  found.push(firm("required", compareRequired(old.required, now.required)));
  return joined(found);
}

function compareBooleans(old: Json, now: Json): Difference {
  if (old === now) return "same";
  if (now === true || old === false) return "widened";
  return now === false || old === true ? "narrowed" : "changed";
}

function refOf(schema: Json): string | undefined {
  return isJsonObject(schema) && typeof schema.$ref === "string" ? schema.$ref : undefined;
}

function resolve({ schema, definitions }: Rooted): JsonObject | boolean | undefined {
  let at: Json | undefined = schema;
  for (let i = 0; i < 50; i++) {
    const ref: string | undefined = at === undefined ? undefined : refOf(at);
    if (ref === undefined) return isJsonObject(at) || typeof at === "boolean" ? at : undefined;
    // Beside a reference something else decides too; compared as it is written.
    if (isJsonObject(at) && Object.keys(at).some((keyword) => keyword !== "$ref" && !WORDS.has(keyword))) {
      const { $ref: _, ...beside }: JsonObject = at;
      return { ...beside, allOf: [{ $ref: ref }, ...((at.allOf as readonly Json[] | undefined) ?? [])] };
    }
    at = definitions[nameOfRef(ref)];
  }
  return undefined;
}

type Below = (before: Json, after: Json) => Difference;

function compareKeyword(
  keyword: string,
  old: Json | undefined,
  now: Json | undefined,
  below: Below,
): Difference {
  switch (keyword) {
    case "type":
      return compareSets(
        old === undefined ? undefined : [old].flat(),
        now === undefined ? undefined : [now].flat(),
      );
    case "enum":
      return compareSets(old as readonly Json[] | undefined, now as readonly Json[] | undefined);
    case "properties":
      return compareMembers(old, now, below);
    case "items":
    case "additionalProperties":
    case "propertyNames":
    case "contains":
      return below(old ?? true, now ?? true);
    case "anyOf":
    case "oneOf":
      return compareBranches(old, now, below);
    case "allOf":
      if (!Array.isArray(old) || !Array.isArray(now) || old.length !== now.length) break;
      return joined(old.map((schema: Json, index) => below(schema, now[index] as Json)));
    case "uniqueItems":
      return old === now ? "same" : now === true ? "narrowed" : "widened";
    default:
      if (Object.hasOwn(BOUNDS, keyword)) return compareBound(old, now, BOUNDS[keyword] ?? 1);
  }
  if (sameJson(old, now)) return "same";
  if (old === undefined) return "narrowed";
  return now === undefined ? "widened" : "changed";
}

function compareBound(old: Json | undefined, now: Json | undefined, direction: 1 | -1): Difference {
  if (old === now) return "same";
  if (typeof old !== "number") return "narrowed";
  if (typeof now !== "number") return "widened";
  return (now - old) * direction > 0 ? "widened" : "narrowed";
}

function compareSets(old: readonly Json[] | undefined, now: readonly Json[] | undefined): Difference {
  if (old === undefined || now === undefined)
    return old === now ? "same" : old === undefined ? "narrowed" : "widened";
  const gone = old.filter((value) => !now.some((other) => sameJson(value, other))).length;
  const added = now.filter((value) => !old.some((other) => sameJson(value, other))).length;
  if (gone > 0) return added > 0 ? "changed" : "narrowed";
  return added > 0 ? "widened" : "same";
}

function compareMembers(old: Json | undefined, now: Json | undefined, below: Below): Difference {
  const [before, after]: JsonObject[] = [old, now].map((value) => (isJsonObject(value) ? value : {})) as [
    JsonObject,
    JsonObject,
  ];
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  return joined(
    [...names].map((name) => {
      const [a, b] = [before?.[name], after?.[name]];
      if (a === undefined) return "widened";
      return b === undefined ? "narrowed" : below(a, b);
    }),
  );
}

/** Branches by their places; those added at the end accept more. */
function compareBranches(old: Json | undefined, now: Json | undefined, below: Below): Difference {
  if (!Array.isArray(old) || !Array.isArray(now)) return old === undefined ? "narrowed" : "widened";
  const shared = Math.min(old.length, now.length);
  const found = old.slice(0, shared).map((schema: Json, index) => below(schema, now[index] as Json));
  if (now.length > old.length) found.push("widened");
  if (now.length < old.length) found.push("narrowed");
  return joined(found);
}

function compareRequired(old: Json | undefined, now: Json | undefined): Difference {
  const names = (value: Json | undefined) => (Array.isArray(value) ? (value as readonly Json[]) : []);
  // A member more that is required accepts less.
  const difference = compareSets(names(old), names(now));
  if (difference === "widened") return "narrowed";
  return difference === "narrowed" ? "widened" : difference;
}

function joined(found: readonly Difference[]): Difference {
  const kinds = new Set(found.filter((one) => one !== "same"));
  const [only] = kinds;
  return kinds.size > 1 ? "changed" : (only ?? "same");
}
