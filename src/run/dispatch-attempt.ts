import { recordExceptions } from "../contract/record-exceptions.ts";
import { type Digest, digestOf } from "../format/digest.ts";
import { appendDecided, type Basis, placeOf } from "./append-to-run.ts";
import { factOfRow } from "./attempt-facts.ts";
import { applyDispatch } from "./fold-run.ts";
import type { GatedStep } from "./gate-step.ts";
import type { Lane } from "./lane.ts";
import { breakGlassUse } from "./read-break-glass.ts";
import type { InvocationState, RunState, StepState } from "./run-state.ts";
import { type StepFacts, stepEntry } from "./step-receipt.ts";
import type { Change, DispatchRow } from "./store.ts";

/**
 * Commits the durable record without which nothing leaves the process (design section 2): gate record,
 * attempt number, action digest, idempotency key, and the approvals it consumes. An action that is not both
 * `read` and `safe` gets a signed dispatch receipt.
 *
 * @param at the instant of the dispatch, after the gates were decided.
 * @returns the dispatch, or undefined when the run has moved since it was decided: then nothing may be called.
 */
export async function dispatchAttempt(
  lane: Lane,
  state: RunState,
  basis: Basis,
  step: StepState,
  invocation: InvocationState,
  gated: GatedStep,
  record: { digest: Digest; bytes: Uint8Array },
  at: string,
): Promise<DispatchRow | undefined> {
  const { run } = state.document;
  const last = invocation.attempts.at(-1);
  const attempt = (last?.attempt ?? 0) + 1;
  const row: DispatchRow = {
    run,
    invocation: invocation.id,
    attempt,
    actionDigest: gated.record.actionDigest as Digest,
    gateRecord: record.digest,
    idempotencyKey: gated.action.idempotencyKey,
    owner: lane.owner,
    at,
  };
  // An attempt that nobody knows the end of is left behind as in doubt.
  const left =
    last !== undefined && last.ended === undefined ? { ...last, ended: factOfRow(last) } : undefined;
  const change: Omit<Change, "append" | "openRun" | "closeRun" | "fence"> = {
    dispatch: row,
    documents: [record],
    consume: consumedBy(gated, state.document.engagement.id).map((approval) => ({
      approval,
      invocation: invocation.id,
    })),
    ...(left === undefined
      ? {}
      : { endAttempt: { run, invocation: invocation.id, attempt: left.attempt, ended: left.ended } }),
  };
  if (!(await commit(lane, state, basis, step, invocation, gated, record.digest, row, change)))
    return undefined;
  if (left !== undefined) applyDispatch(state, left);
  applyDispatch(state, row);
  return row;
}

/** The approvals, and the use of break-glass, that a dispatch takes for good. */
function consumedBy({ record }: GatedStep, engagement: string): Digest[] {
  // One approval of a list serves each of its actions once.
  const approvals = record.approvals.map(({ digest, list }) =>
    list === undefined
      ? (digest as Digest)
      : digestOf(`witnessops/list-approval/v1\n${digest}\n${record.actionDigest}`),
  );
  const { breakGlass } = record;
  const isUsed = recordExceptions(record).includes("break-glass");
  return breakGlass === undefined || !isUsed
    ? approvals
    : [...approvals, breakGlassUse(engagement, breakGlass.breakGlass, breakGlass.use)];
}

async function commit(
  lane: Lane,
  state: RunState,
  basis: Basis,
  step: StepState,
  invocation: InvocationState,
  gated: GatedStep,
  recordDigest: Digest,
  { attempt }: DispatchRow,
  change: Omit<Change, "append" | "openRun" | "closeRun" | "fence">,
): Promise<boolean> {
  if (gated.contract.effect === "read" && gated.contract.execution.idempotency === "safe") {
    return (await lane.store.commit({ ...change, fence: basis })).ok;
  }
  const facts: StepFacts = { outcome: "dispatched", attempts: [], artifacts: [], detail: { attempt } };
  const where = placeOf(lane, state, step, invocation);
  const entry = stepEntry(where, "step-dispatched", gated, recordDigest, facts);
  return (await appendDecided(lane, state, basis, entry, change)) === "moved";
}
