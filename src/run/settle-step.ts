import type { Digest } from "../format/digest.ts";
import type { Lane } from "./lane.ts";
import { append, factOfRow, type Progress, performStep, place } from "./perform-step.ts";
import type { InvocationState, RunState, StepState } from "./run-state.ts";
import { type DecidedCall, type StepFacts, stepEntry } from "./step-receipt.ts";

/**
 * Deals with an attempt that was dispatched and has no end (design section 7): another living process may
 * still be at it, then the run waits; otherwise the attempt is in doubt. `safe` and `idempotent` contracts go
 * again, an `unsafe` one is receipted `in-doubt` and waits for somebody who knows.
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
  const call = decidedCall(lane, invocation);
  if (call.contract.execution.idempotency !== "unsafe") return performStep(lane, state, step, invocation);
  const facts: StepFacts = {
    outcome: "in-doubt",
    attempts: invocation.attempts.map(factOfRow),
    artifacts: [],
    detail: { attempt: row.attempt },
  };
  const entry = stepEntry(place(lane, state, step, invocation), "step-in-doubt", call, row.gateRecord, facts);
  const result = await append(lane, state, entry, {});
  return result.ok ? "moved" : "contended";
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
  const entry = stepEntry(
    place(lane, state, step, invocation),
    event,
    decidedCall(lane, invocation),
    row.gateRecord,
    facts,
  );
  const result = await append(lane, state, entry, {});
  return result.ok ? "moved" : "contended";
}

/** The call that the last dispatch was decided for, from its gate record. */
function decidedCall(lane: Lane, invocation: InvocationState): DecidedCall {
  const row = invocation.attempts.at(-1);
  if (row === undefined) throw new TypeError(`\`${invocation.id}\` was never dispatched`);
  const record = lane.states.readGateRecord(row.gateRecord);
  const contract = lane.pinned.read("contract", record.action.contract.digest);
  return {
    record,
    contract,
    contractDigest: record.action.contract.digest as Digest,
    adapter: record.adapter,
  };
}
