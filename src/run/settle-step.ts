import { appendDecided, basisOf, type Progress, placeOf } from "./append-to-run.ts";
import { factOfRow } from "./attempt-facts.ts";
import { decidedCall, leaveInDoubt } from "./end-step.ts";
import type { Lane } from "./lane.ts";
import { performStep } from "./perform-step.ts";
import type { InvocationState, RunState, StepState } from "./run-state.ts";
import { type StepFacts, stepEntry } from "./step-receipt.ts";

/**
 * Deals with an attempt that was dispatched and has no end (design section 7): another living process may
 * still be at it, then the run waits; otherwise the attempt is in doubt. `safe` and `idempotent` contracts go
 * again as far as the gates still allow, an `unsafe` one is receipted `in-doubt` and waits for somebody who knows.
 */
export async function settleStep(
  lane: Lane,
  state: RunState,
  step: StepState,
  invocation: InvocationState,
): Promise<Progress> {
  const row = invocation.attempts.at(-1);
  if (row === undefined) return "contended";
  if (row.owner !== lane.owner && lane.store.leaseHeld(row.owner)) return "waits";
  const { contract } = decidedCall(lane, row);
  if (contract.execution.idempotency !== "unsafe") return performStep(lane, state, step, invocation);
  return leaveInDoubt(lane, state, basisOf(state), step, invocation, row, "process-ended");
}

/** Ends an invocation as a person's signed resolution found it; what was captured is lost and not claimed. */
export async function finishStep(
  lane: Lane,
  state: RunState,
  step: StepState,
  invocation: InvocationState,
): Promise<Progress> {
  const row = invocation.attempts.at(-1);
  const { resolution } = invocation;
  if (row === undefined || resolution === undefined) return "contended";
  const executed = resolution.finding === "executed";
  const facts: StepFacts = {
    outcome: executed ? "executed" : "failed",
    attempts: invocation.attempts.map(factOfRow),
    artifacts: [],
    detail: { resolution: resolution.digest },
  };
  const event = executed ? "step-executed" : "step-failed";
  const where = placeOf(lane, state, step, invocation);
  const entry = stepEntry(where, event, decidedCall(lane, row), row.gateRecord, facts);
  return appendDecided(lane, state, basisOf(state), entry);
}
