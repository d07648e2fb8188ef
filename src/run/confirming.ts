import type { ReadBack } from "../contract/contract.ts";
import { judgeReadBack, type ReadBackFinding } from "../contract/read-back.ts";
import { decidedCall } from "./end-step.ts";
import { inputsInDoubt } from "./inputs-in-doubt.ts";
import type { Lane } from "./lane.ts";
import type { InvocationState } from "./run-state.ts";

/** What may be done about a doubt: nothing by ourselves, a read-back, or ending it as a read-back found. */
export type Confirming =
  | { readonly is: "impossible" }
  | { readonly is: "possible" }
  | { readonly is: "settled"; readonly finding: ReadBackFinding; readonly by: InvocationState };

/** Whether an invocation in doubt can be settled by its contract's read-back, or is. */
export function confirmingOf(lane: Lane, doubt: InvocationState): Confirming {
  const confirm = confirmOf(lane, doubt);
  if (confirm === undefined) return { is: "impossible" };
  for (const by of doubt.readBacks) {
    if (by.phase !== "executed" || by.outputs === undefined) continue;
    const finding = judgeReadBack(confirm, inputsInDoubt(lane, doubt), by.outputs);
    if (finding !== undefined) return { is: "settled", finding, by };
  }
  return { is: "possible" };
}

/** How the contract of the action in doubt has it read back, if it does. */
export function confirmOf(lane: Lane, { attempts }: InvocationState): ReadBack | undefined {
  const attempt = attempts.at(-1);
  if (attempt === undefined) return undefined;
  return decidedCall(lane, attempt).contract.execution.confirm ?? undefined;
}
