import type { Json } from "../format/json.ts";

/** Most elements of a list that an expression may make or look through. */
export const MAX_LIST = 10_000;
/** Most UTF-16 units of one string, and of all strings of a result together. */
export const MAX_TEXT = 1024 * 1024;
const MAX_DEPTH = 100;
const MAX_NODES = 100_000;

/** Thrown inside an evaluation when a bound is passed; becomes an error value. */
export class CelBound extends Error {}

const kept = new WeakMap<object, unknown>();
let converted = 0;

/** Remembers how a deep-frozen value reads in CEL, for contexts that hold it again and again. */
export function keepForCel<T extends Json & object>(value: T): T {
  if (!kept.has(value)) kept.set(value, toCel(value));
  return value;
}

/** How many values were converted since the last call: what a shared budget is charged for. */
export function takeConverted(): number {
  const count = converted;
  converted = 0;
  return count;
}

/** JSON as CEL sees it: integers are `int` (BigInt), other numbers `double`. */
export function toCel(value: Json): unknown {
  converted += 1;
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value !== "object" || value === null) return value;
  const known = kept.get(value);
  if (known !== undefined) return known;
  if (Array.isArray(value)) return value.map(toCel);
  const out: Record<string, unknown> = {};
  // Sorted, so that going through a map gives the same order from any spelling of the document.
  const object = value as { readonly [key: string]: Json };
  for (const key of Object.keys(object).sort()) define(out, key, toCel(object[key] ?? null));
  return out;
}

/** A CEL result as JSON. @throws CelBound when it has no JSON form or is too large. */
export function fromCel(value: unknown): Json {
  return read(value, { text: MAX_TEXT, nodes: MAX_NODES }, 0);
}

function read(value: unknown, left: { text: number; nodes: number }, depth: number): Json {
  if (--left.nodes < 0 || depth > MAX_DEPTH) throw new CelBound("the result is too large");
  switch (typeof value) {
    case "boolean":
      return value;
    case "string":
      left.text -= value.length;
      if (left.text < 0) throw new CelBound("the result is larger than 1 MiB");
      if (!value.isWellFormed()) throw new CelBound("the result is not valid Unicode");
      return value;
    case "bigint":
      return integer(value);
    case "number":
      if (Number.isFinite(value)) return value === 0 ? 0 : value;
      throw new CelBound("the result is a number that is not finite");
    case "object":
      break;
    default:
      throw new CelBound("the result has no JSON form");
  }
  if (value === null) return null;
  if (Array.isArray(value)) return value.map((item) => read(item, left, depth + 1));
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new CelBound("the result has no JSON form; use string(…)");
  }
  const out: { [key: string]: Json } = {};
  for (const [key, child] of Object.entries(value)) {
    left.text -= key.length;
    define(out, key, read(child, left, depth + 1));
  }
  return out;
}

function integer(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new CelBound("the result is an integer beyond 2^53 - 1");
}

// Plain assignment would make `__proto__` the prototype.
function define<T>(out: { [key: string]: T }, key: string, value: T): void {
  if (key === "__proto__")
    Object.defineProperty(out, key, { value, enumerable: true, configurable: true, writable: true });
  else out[key] = value;
}

const weights = new WeakMap<object, number>();

/** How much work it is to look at all of a value; remembered for objects. */
export function weigh(value: unknown): number {
  if (typeof value === "string") return 1 + (value.length >> 4);
  if (typeof value !== "object" || value === null) return 1;
  const known = weights.get(value);
  if (known !== undefined) return known;
  let weight = 1;
  for (const child of Array.isArray(value) ? value : Object.values(value)) weight += weigh(child);
  weights.set(value, weight);
  return weight;
}
