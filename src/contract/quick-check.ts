import { Check } from "typebox/schema";

/** Says true only for a value that fits; false means that the interpreter has to say. */
export type QuickCheck = (value: unknown) => boolean;

type Schema = Readonly<Record<string, unknown>>;

const ANNOTATIONS: ReadonlySet<string> = new Set([
  "$schema",
  "$id",
  "title",
  "description",
  "default",
  "examples",
  "sensitive",
]);

const made = new WeakMap<object, { readonly check: QuickCheck | undefined }>();

/**
 * The checks of a schema as closures: its patterns are compiled and its members looked up once, and no code is
 * generated. Where the interpreter would have to be asked, they say false; so they are never more lenient than it is.
 *
 * @returns undefined for a schema with a keyword that is not one of those below, references among them. A schema must
 *   not change after its first check.
 */
export function quickCheckOf(schema: object): QuickCheck | undefined {
  const known = made.get(schema);
  if (known !== undefined) return known.check;
  const check = compile(schema);
  made.set(schema, { check });
  return check;
}

function compile(schema: unknown): QuickCheck | undefined {
  if (schema === true) return () => true;
  if (schema === false) return () => false;
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return undefined;
  const of = schema as Schema;
  const checks: QuickCheck[] = [];
  let needsObject = false;
  let needsString = false;
  for (const keyword of Object.keys(of)) {
    if (ANNOTATIONS.has(keyword)) continue;
    if (OBJECT.has(keyword)) needsObject = true;
    else if (STRING.has(keyword)) needsString = true;
    else {
      const check = Object.hasOwn(keywords, keyword) ? keywords[keyword]?.(of[keyword]) : undefined;
      if (check === undefined) return undefined;
      checks.push(check);
    }
  }
  // Marks of the library may be hidden from `Object.keys`.
  if ("~refine" in of && !Object.keys(of).includes("~refine")) return undefined;
  const fitsObject = needsObject ? object(of) : always;
  const fitsString = needsString ? string(of) : always;
  if (fitsObject === undefined || fitsString === undefined) return undefined;
  if (needsObject) checks.push(fitsObject);
  if (needsString) checks.push(fitsString);
  return all(checks);
}

const always: QuickCheck = () => true;

function all(checks: readonly QuickCheck[]): QuickCheck {
  const [a = always, b = always, c = always] = checks;
  if (checks.length === 1) return a;
  if (checks.length <= 3) return (value) => a(value) && b(value) && c(value);
  return (value) => {
    for (const check of checks) if (!check(value)) return false;
    return true;
  };
}

const OBJECT: ReadonlySet<string> = new Set([
  "required",
  "properties",
  "patternProperties",
  "additionalProperties",
  "minProperties",
  "maxProperties",
]);
const STRING: ReadonlySet<string> = new Set(["minLength", "maxLength", "pattern"]);

const types: Readonly<Record<string, QuickCheck>> = {
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  array: Array.isArray,
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  integer: Number.isInteger,
  number: Number.isFinite,
  null: (value) => value === null,
};

function typed(name: unknown): QuickCheck | undefined {
  return typeof name === "string" && Object.hasOwn(types, name) ? types[name] : undefined;
}

const keywords: Readonly<Record<string, (given: unknown) => QuickCheck | undefined>> = {
  type: (given) => (typeof given === "string" ? typed(given) : listOf(given, typed, some)),
  const: (given) => (isPlain(given) ? (value) => value === given : undefined),
  enum(given) {
    if (!Array.isArray(given) || !given.every(isPlain)) return undefined;
    const allowed = new Set<unknown>(given);
    return (value) => allowed.has(value);
  },
  anyOf: (given) => listOf(given, compile, some),
  allOf: (given) => listOf(given, compile, all),
  items(given) {
    const check = compile(given);
    return check && ((value) => !Array.isArray(value) || everyItem(value, check));
  },
  minItems: (given) => counted(given, (limit) => (value) => !Array.isArray(value) || value.length >= limit),
  maxItems: (given) => counted(given, (limit) => (value) => !Array.isArray(value) || value.length <= limit),
  // Of anything but texts the interpreter says which are the same.
  uniqueItems: (given) =>
    typeof given === "boolean"
      ? (value) => !given || !Array.isArray(value) || value.length < 2 || areUnique(value)
      : undefined,
  minimum: (given) => counted(given, (limit) => (value) => typeof value !== "number" || value >= limit),
  maximum: (given) => counted(given, (limit) => (value) => typeof value !== "number" || value <= limit),
  "~refine": (given) => listOf(given, refinement, all),
};

function areUnique(values: readonly unknown[]): boolean {
  if (values.every((value) => typeof value === "string")) return new Set(values).size === values.length;
  return Check({ uniqueItems: true }, values);
}

function everyItem(values: readonly unknown[], check: QuickCheck): boolean {
  for (const value of values) if (!check(value)) return false;
  return true;
}

function refinement(given: unknown): QuickCheck | undefined {
  const { check } = given as { readonly check?: unknown };
  return typeof check === "function" ? (value) => check.call(given, value) === true : undefined;
}

function some(checks: readonly QuickCheck[]): QuickCheck {
  return (value) => {
    for (const check of checks) if (check(value)) return true;
    return false;
  };
}

/** One check of several; undefined when one of them is. */
function listOf(
  given: unknown,
  make: (one: unknown) => QuickCheck | undefined,
  join: (checks: readonly QuickCheck[]) => QuickCheck,
): QuickCheck | undefined {
  if (!Array.isArray(given)) return undefined;
  const checks = given.map(make);
  return checks.every((check) => check !== undefined) ? join(checks) : undefined;
}

function counted(given: unknown, make: (limit: number) => QuickCheck): QuickCheck | undefined {
  return typeof given === "number" ? make(given) : undefined;
}

function isPlain(value: unknown): boolean {
  return value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
}

/** Lengths are in code points, of which a text has at most as many as code units and at least half as many. */
function string({ minLength, maxLength, pattern }: Schema): QuickCheck | undefined {
  if (![minLength, maxLength].every((limit) => limit === undefined || typeof limit === "number"))
    return undefined;
  if (pattern !== undefined && typeof pattern !== "string") return undefined;
  const least = minLength === undefined || minLength === 0 ? 0 : 2 * (minLength as number) - 1;
  const most = maxLength === undefined ? Number.POSITIVE_INFINITY : (maxLength as number);
  const regexp = pattern === undefined ? undefined : regexpOf(pattern);
  if (pattern !== undefined && regexp === undefined) return undefined;
  return (value) =>
    typeof value !== "string" ||
    (value.length >= least && value.length <= most && (regexp === undefined || regexp.test(value)));
}

function object(schema: Schema): QuickCheck | undefined {
  const { required = [], properties = {}, patternProperties = {}, additionalProperties = true } = schema;
  const { minProperties: least = 0, maxProperties: most = Number.POSITIVE_INFINITY } = schema;
  if (typeof least !== "number" || typeof most !== "number") return undefined;
  if (!Array.isArray(required) || !required.every((name) => typeof name === "string" && isOrdinary(name)))
    return undefined;
  const named = compileMembers(properties);
  const byPattern = compileMembers(patternProperties);
  const others = compile(additionalProperties);
  if (named === undefined || byPattern === undefined || others === undefined) return undefined;
  const patterns: { readonly regexp: RegExp; readonly check: QuickCheck }[] = [];
  for (const [pattern, check] of byPattern) {
    const regexp = regexpOf(pattern);
    if (regexp === undefined) return undefined;
    patterns.push({ regexp, check });
  }
  const isRequired: ReadonlySet<string> = new Set(required);
  const needed = [...isRequired];

  function isMember(name: string, value: unknown): boolean {
    const own = named?.get(name);
    // An optional member that is `undefined` is absent.
    if (own !== undefined && !(value === undefined && !isRequired.has(name)) && !own(value)) return false;
    let isKnown = own !== undefined;
    for (const { regexp, check } of patterns) {
      if (!regexp.test(name)) continue;
      if (!check(value)) return false;
      isKnown = true;
    }
    return isKnown || (others as QuickCheck)(value);
  }

  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return true;
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) return false;
    for (const name of needed) if (!Object.hasOwn(value, name)) return false;
    const present = Object.getOwnPropertyNames(value);
    if (present.length < least || present.length > most) return false;
    for (const name of present) if (!isMember(name, (value as Schema)[name])) return false;
    return true;
  };
}

function compileMembers(given: unknown): Map<string, QuickCheck> | undefined {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return undefined;
  const found = new Map<string, QuickCheck>();
  for (const [name, schema] of Object.entries(given)) {
    const check = isOrdinary(name) ? compile(schema) : undefined;
    if (check === undefined) return undefined;
    found.set(name, check);
  }
  return found;
}

function regexpOf(pattern: string): RegExp | undefined {
  try {
    return new RegExp(pattern, "u");
  } catch {
    return undefined;
  }
}

/** Every object has `toString` and the like: whether such a member is there, the interpreter says. */
function isOrdinary(name: string): boolean {
  return !(name in Object.prototype);
}
