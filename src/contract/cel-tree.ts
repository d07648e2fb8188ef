import type { Json, JsonObject } from "../format/json.ts";
import { type CelContext, celContext, compileCel } from "./cel.ts";
import { type Fault, faultText, type Path, pathText } from "./fault.ts";

/** A tree whose strings are CEL expressions; numbers, booleans and null stand for themselves. */
export type CelTree = { readonly [key: string]: unknown };

export type TreeResult =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly faults: readonly Fault[]; readonly message: string };

/**
 * Evaluates every expression of a tree; all faults are listed. An entry that evaluates to null stays, as
 * null.
 */
export function evaluateTree(
  tree: CelTree,
  variables: readonly string[],
  context: JsonObject,
  at: Path = [],
): TreeResult {
  const faults: Fault[] = [];
  const value = walk(tree, variables, celContext(context), at, faults);
  if (faults.length === 0) return { ok: true, value: value as JsonObject };
  return { ok: false, faults, message: faults.map(faultText).join("; ") };
}

function walk(
  tree: unknown,
  variables: readonly string[],
  context: CelContext,
  at: Path,
  faults: Fault[],
): Json {
  if (typeof tree === "string") {
    const compiled = compileCel(tree, variables);
    const result = compiled.ok ? compiled.program.evaluateIn(context) : compiled;
    if (result.ok) return result.value;
    faults.push({ path: pathText(at), code: "cel", message: result.message });
    return null;
  }
  if (Array.isArray(tree))
    return tree.map((item, index) => walk(item, variables, context, [...at, index], faults));
  if (typeof tree !== "object" || tree === null) return tree as Json;
  const out: { [key: string]: Json } = {};
  for (const [key, child] of Object.entries(tree))
    out[key] = walk(child, variables, context, [...at, key], faults);
  return out;
}

/** Every expression of a tree with its place. */
export function expressionsOf(tree: unknown, at: Path = []): { path: Path; text: string }[] {
  if (typeof tree === "string") return [{ path: at, text: tree }];
  if (Array.isArray(tree)) return tree.flatMap((item, index) => expressionsOf(item, [...at, index]));
  if (typeof tree !== "object" || tree === null) return [];
  return Object.entries(tree).flatMap(([key, child]) => expressionsOf(child, [...at, key]));
}
