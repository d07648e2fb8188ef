import { appendDecided, basisOf, type Progress, placeOf } from "./append-to-run.ts";
import { factOfRow } from "./attempt-facts.ts";
import { confirmingOf } from "./confirming.ts";
import { artifactsOf, decidedCall, leaveInDoubt } from "./end-step.ts";
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

/**
 * Ends an invocation as a person's signed resolution or a read-back found it. What its attempts brought, also when it came
 * too late to tell how they ended, is bound: it claims nothing, and can be held, released and retired.
 */
export async function finishStep(
  lane: Lane,
  state: RunState,
  step: StepState,
  invocation: InvocationState,
): Promise<Progress> {
  const row = invocation.attempts.at(-1);
  const found = findingOf(lane, invocation);
  if (row === undefined || found === undefined) return "contended";
  const executed = found.finding === "executed";
  const facts: StepFacts = {
    outcome: executed ? "executed" : "failed",
    attempts: invocation.attempts.map(factOfRow),
    artifacts: artifactsOf(lane, invocation),
    detail: found.detail,
  };
  const event = executed ? "step-executed" : "step-failed";
  const where = placeOf(lane, state, step, invocation);
  const entry = stepEntry(where, event, decidedCall(lane, row), row.gateRecord, facts);
  return appendDecided(lane, state, basisOf(state), entry);
}

/** How somebody, or a read-back, says that it ended; and the document or receipt that says so. */
function findingOf(
  lane: Lane,
  invocation: InvocationState,
): { finding: string; detail: Readonly<Record<string, unknown>> } | undefined {
  const { resolution, phase } = invocation;
  if (phase === "resolved" && resolution !== undefined)
    return { finding: resolution.finding, detail: { resolution: resolution.digest } };
  const confirming = confirmingOf(lane, invocation);
  if (phase !== "in-doubt" || confirming.is !== "settled") return undefined;
  return { finding: confirming.finding, detail: { readBack: confirming.by.receipt } };
}
