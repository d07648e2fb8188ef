import type { ParseResult } from "@marcbachmann/cel-js";
import type { Json, JsonObject } from "../format/json.ts";
import { chargeCel } from "./cel-budget.ts";
import { environmentOf } from "./cel-environment.ts";
import { meterProgram } from "./cel-meter.ts";
import { type CelSyntax, readSyntax } from "./cel-syntax.ts";
import { fromCel, takeConverted, toCel } from "./cel-value.ts";

const MAX_CACHED = 2000;
/** Compiling costs about as much as this many steps for each node. */
const STEPS_PER_NODE = 100;

/** How an evaluation ended. */
export type CelResult =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly message: string };

/** A context made ready once for several expressions. */
export interface CelContext {
  readonly values: Readonly<Record<string, unknown>>;
}

/** A compiled expression. */
export interface CelProgram {
  readonly text: string;
  /** First members read of each variable, e.g. `steps` → `dns`; `*` when computed. */
  readonly members: CelSyntax["members"];
  /** Evaluates; what goes wrong is a value. Deterministic: no clock, no randomness, no host settings. */
  evaluate(context: JsonObject): CelResult;
  /** As `evaluate`, with a context from `celContext`. */
  evaluateIn(context: CelContext): CelResult;
}

export type CelCompilation =
  | { readonly ok: true; readonly program: CelProgram }
  | { readonly ok: false; readonly message: string };

const cache = new Map<string, CelCompilation>();

/**
 * Compiles a CEL expression (design section 3; `spec/contract.md` lists the functions). Refused: names that
 * are not in `variables`, functions outside the closed list, more than 500 nodes, nesting over 40, three
 * comprehensions inside one another, bytes, type errors that are certain.
 */
export function compileCel(text: string, variables: readonly string[]): CelCompilation {
  const key = `${variables.join(" ")}\n${text}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const compiled = compile(text, variables);
  if (cache.size >= MAX_CACHED) cache.clear();
  cache.set(key, compiled);
  return compiled;
}

/** Evaluates `text` in one go; a compile fault is an error value too. */
export function evaluateCel(text: string, context: JsonObject): CelResult {
  const compiled = compileCel(text, Object.keys(context).sort());
  return compiled.ok ? compiled.program.evaluate(context) : compiled;
}

/** Makes a JSON context ready for `evaluateIn`. */
export function celContext(context: JsonObject): CelContext {
  const values = toCel(context) as Record<string, unknown>;
  chargeCel(takeConverted());
  return { values };
}

function compile(text: string, variables: readonly string[]): CelCompilation {
  let parsed: ParseResult;
  try {
    parsed = environmentOf(variables).parse(text);
  } catch (error) {
    return { ok: false, message: messageOf(error) };
  }
  const syntax = readSyntax(parsed.ast, variables);
  if (syntax.faults.length > 0) return { ok: false, message: syntax.faults.join("; ") };
  chargeCel(STEPS_PER_NODE * syntax.nodes.length);
  const meter = meterProgram(syntax);
  const check = parsed.check();
  if (!check.valid) return { ok: false, message: messageOf(check.error) };

  const evaluateIn = ({ values }: CelContext): CelResult => {
    meter.start();
    try {
      return { ok: true, value: fromCel(parsed(values)) };
    } catch (error) {
      return { ok: false, message: messageOf(error) };
    } finally {
      meter.end();
    }
  };
  const program: CelProgram = Object.freeze({
    text,
    members: syntax.members,
    evaluateIn,
    evaluate: (context: JsonObject) => evaluateIn(celContext(context)),
  });
  return { ok: true, program };
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : "the expression failed";
  const line = message.split("\n", 1)[0] ?? "";
  return line.slice(0, 300);
}
