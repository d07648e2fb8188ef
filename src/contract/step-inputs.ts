import { isJsonObject, type Json, type JsonObject } from "../format/json.ts";
import { evaluateCel } from "./cel.ts";
import { evaluateTree } from "./cel-tree.ts";
import type { Contract } from "./contract.ts";
import { compileDataSchema } from "./data-schema.ts";
import type { RunbookStep } from "./runbook.ts";

/** What CEL expressions of a runbook's steps see. */
export interface StepContext {
  readonly inputs: JsonObject;
  /** By step id: `{outcome, outputs}`, or `{outcome, results: [{key, outcome, outputs}]}` after a `forEach`. */
  readonly steps: JsonObject;
  /** The current element inside a `forEach`. */
  readonly each?: Json;
}

type Resolved<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly faults: readonly string[] };

/** Variables of a step's expressions; `each` exists inside a `forEach` only. */
export function stepVariables(step: RunbookStep): string[] {
  return step.forEach === undefined ? ["inputs", "steps"] : ["inputs", "steps", "each"];
}

/** A step's inputs to its contract: `with` by CEL, the contract's defaults, checked against its schema. */
export function resolveStepInputs(
  step: RunbookStep,
  contract: Contract,
  context: StepContext,
): Resolved<{ inputs: JsonObject }> {
  const evaluated = evaluateTree(step.with ?? {}, stepVariables(step), { ...context });
  if (!evaluated.ok) return { ok: false, faults: [`\`with\`: ${evaluated.message}`] };
  if (!isJsonObject(evaluated.value)) return { ok: false, faults: ["`with` is not an object"] };
  return checkContractInputs(contract, evaluated.value);
}

/** Applies the defaults of a contract's input schema and checks the result. */
export function checkContractInputs(contract: Contract, given: JsonObject): Resolved<{ inputs: JsonObject }> {
  const schema = compileDataSchema(contract.inputs);
  const inputs = schema.applyDefaults(given) as JsonObject;
  const faults = schema.check(inputs);
  if (faults.length > 0)
    return {
      ok: false,
      faults: faults.map(
        ({ path, message }) => `\`${path === "" ? "inputs" : `inputs.${path}`}\`: ${message}`,
      ),
    };
  return { ok: true, inputs };
}

/** Whether a step's `when` holds. Absent means yes. */
export function decideWhen(step: RunbookStep, context: StepContext): Resolved<{ holds: boolean }> {
  if (step.when === undefined) return { ok: true, holds: true };
  const result = evaluateCel(step.when, { inputs: context.inputs, steps: context.steps });
  if (!result.ok) return { ok: false, faults: [`\`when\`: ${result.message}`] };
  if (typeof result.value !== "boolean") return { ok: false, faults: ["`when` is neither true nor false"] };
  return { ok: true, holds: result.value };
}

/** The elements of a step's `forEach` with their keys: `key` by CEL, else the element itself or its index. */
export function expandForEach(
  step: RunbookStep,
  context: StepContext,
): Resolved<{ elements: readonly { key: string; element: Json }[] }> {
  const { forEach } = step;
  if (forEach === undefined) return { ok: false, faults: ["the step has no `forEach`"] };
  const list = evaluateCel(forEach.in, { inputs: context.inputs, steps: context.steps });
  if (!list.ok) return { ok: false, faults: [`\`forEach.in\`: ${list.message}`] };
  if (!Array.isArray(list.value)) return { ok: false, faults: ["`forEach.in` is not a list"] };
  const found = list.value as readonly Json[];
  if (found.length > forEach.max) {
    return { ok: false, faults: [`\`forEach\` has ${found.length} elements, its bound is ${forEach.max}`] };
  }
  const elements: { key: string; element: Json }[] = [];
  for (const [index, element] of found.entries()) {
    const key = keyOf(forEach.key, context, element, index);
    if (!key.ok) return key;
    if (elements.some((other) => other.key === key.key)) {
      return { ok: false, faults: [`\`forEach\` has the key \`${key.key.slice(0, 80)}\` twice`] };
    }
    elements.push({ key: key.key, element });
  }
  return { ok: true, elements };
}

const KEY = /^[A-Za-z0-9._:@-]{1,128}$/;

function keyOf(
  expression: string | undefined,
  context: StepContext,
  element: Json,
  index: number,
): Resolved<{ key: string }> {
  if (expression === undefined) {
    return { ok: true, key: typeof element === "string" && KEY.test(element) ? element : String(index) };
  }
  const variables = { inputs: context.inputs, steps: context.steps, each: element };
  const result = evaluateCel(expression, variables);
  if (!result.ok) return { ok: false, faults: [`\`forEach.key\`: ${result.message}`] };
  if (typeof result.value !== "string" || !KEY.test(result.value)) {
    return { ok: false, faults: ["`forEach.key` is not a short text of letters, digits and `._:@-`"] };
  }
  return { ok: true, key: result.value };
}
