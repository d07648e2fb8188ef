import type { ApprovalFact } from "../contract/gate-record.ts";
import type { Envelope } from "../format/dsse.ts";
import { utcFromMillis } from "../format/time.ts";
import { checkApproval } from "../gate/approval-statement.ts";
import { basisOf } from "./append-to-run.ts";
import { pinEnvelope } from "./document-pin.ts";
import type { Lane } from "./lane.ts";
import { recordSigned } from "./record-signed.ts";
import { RunError } from "./run-error.ts";
import { type InvocationState, invocationsOf, type RunState } from "./run-state.ts";

/** Whether it waits for people's approval, not for an answer or anything else. */
export function isWaitingForApproval({ phase, action }: InvocationState): boolean {
  return phase === "paused" && action?.waits.gate === "approval";
}

/** Invocations of a run that wait for an approval. */
export function waitingForApproval(state: RunState): InvocationState[] {
  return [...invocationsOf(state)].filter(isWaitingForApproval);
}

/**
 * Records a signed approval or rejection for the paused invocation whose action digest it names. It records
 * permission and executes nothing; the gates decide again what it is worth when the run goes on.
 *
 * @throws RunError `STEP_NOT_WAITING` when nothing in the run waits for that action, `STATEMENT_REFUSED` when the
 *   statement is malformed or not signed by who it names.
 */
export async function recordApproval(
  lane: Lane,
  run: string,
  envelope: Envelope,
): Promise<{ invocation: string; approval: ApprovalFact }> {
  for (;;) {
    const state = lane.states.load(run);
    const basis = basisOf(state);
    const principals = lane.pinned.read("principals", state.document.principals);
    const checked = await checkApproval(envelope, principals, utcFromMillis(lane.clock()));
    if (!checked.ok) {
      throw new RunError({
        code: "STATEMENT_REFUSED",
        message: `the approval is refused: ${checked.reason}`,
        hint: `witnessops run show ${run}`,
      });
    }
    const { fact, statement } = checked;
    const found = waitingForApproval(state).find((one) => one.action?.digest === statement.actionDigest);
    if (found === undefined) {
      throw new RunError({
        code: "STEP_NOT_WAITING",
        message: `nothing in run \`${run}\` waits for an approval of \`${statement.actionDigest}\``,
        hint: `witnessops run show ${run}`,
      });
    }
    if (found.approvals.includes(pinEnvelope(envelope).digest))
      return { invocation: found.id, approval: fact };
    const { digest, principal, decision, keyId } = fact;
    const recorded = await recordSigned(lane, state, basis, found, envelope, {
      event: "approval-recorded",
      name: "approval",
      principal,
      detail: { decision },
      parts: { approvals: [{ digest, principal, decision, keyId }] },
    });
    if (recorded) return { invocation: found.id, approval: fact };
  }
}
