import type { JsonObject } from "../format/json.ts";
import { approvalStrength } from "./approval-strength.ts";
import { isAwaiting } from "./awaited.ts";
import { evaluateCel } from "./cel.ts";
import type { Contract, ReadBack } from "./contract.ts";
import type { RunbookStep } from "./runbook.ts";
import type { StepContext } from "./step-inputs.ts";

/** What a read-back found: the action happened, or it did not. */
export type ReadBackFinding = "executed" | "failed";

/** Id of an invocation's n-th read-back. */
export function readBackId(invocation: string, n: number): string {
  return `${invocation}/read-back-${n}`;
}

/** The read-back of a step's doubt as a step of its own: it goes the governed path like any other. */
export function readBackStep({ id }: RunbookStep, { uses, with: tree }: ReadBack): RunbookStep {
  return { id, uses, with: tree };
}

/** What the expressions of a read-back see: the inputs of the action in doubt. */
export function readBackContext(inputs: JsonObject): StepContext {
  return { inputs, steps: {} };
}

/**
 * What the outputs of a read-back say about the action in doubt. Undefined unless exactly one of `happened` and
 * `notHappened` is true: nothing is guessed.
 */
export function judgeReadBack(
  { happened, notHappened }: ReadBack,
  inputs: JsonObject,
  outputs: JsonObject,
): ReadBackFinding | undefined {
  const [yes, no] = [happened, notHappened].map((text) => {
    const result = evaluateCel(text, { inputs, outputs });
    return result.ok && typeof result.value === "boolean" ? result.value : undefined;
  });
  if (yes === undefined || no === undefined || yes === no) return undefined;
  return yes ? "executed" : "failed";
}

/** What stands against a contract that is to read back: it must change nothing, and ask nobody. */
export function readBackProblems({ effect, execution, authority }: Contract): string[] {
  const problems: string[] = [];
  if (effect !== "read" || execution.idempotency !== "safe")
    problems.push("reads nothing back: its effect must be `read` and its idempotency `safe`");
  if (isAwaiting({ execution })) problems.push("would wait for somebody or something itself");
  if (approvalStrength(authority.approval) > 0)
    problems.push("would wait for an approval: its `authority.approval` must be `none`");
  return problems;
}
