import type { StepContext } from "../contract/step-inputs.ts";
import type { Json, JsonObject } from "../format/json.ts";
import type { InvocationState, RunState } from "./run-state.ts";

/** What CEL expressions see of the run so far; `each` when inside a `forEach`. */
export function stepContext(state: RunState, invocation?: InvocationState): StepContext {
  const steps: Record<string, Json> = {};
  for (const { definition, invocations } of state.steps) {
    if (invocations === undefined) continue;
    steps[definition.id] =
      definition.forEach === undefined
        ? outcomeOf(invocations[0])
        : { outcome: overall(invocations), results: invocations.map(resultOf) };
  }
  const element = invocation?.element;
  return {
    inputs: state.document.inputs as JsonObject,
    steps,
    ...(element === undefined ? {} : { each: element }),
  };
}

function outcomeOf(invocation: InvocationState | undefined): JsonObject {
  if (invocation === undefined) return { outcome: "pending" };
  const { phase, outputs } = invocation;
  return { outcome: phase, ...(outputs === undefined ? {} : { outputs }) };
}

function resultOf(invocation: InvocationState): JsonObject {
  return { key: invocation.key ?? "", ...outcomeOf(invocation) };
}

function overall(invocations: readonly InvocationState[]): string {
  return invocations.every((invocation) => invocation.phase === "executed") ? "executed" : "mixed";
}
