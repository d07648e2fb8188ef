import { type ActionList, actionList, actionListSchema, listDigest } from "../contract/action-list.ts";
import { checkSchema } from "../contract/check-schema.ts";
import type { ApprovalFact } from "../contract/gate-record.ts";
import { parseJson } from "../format/canonical-json.ts";
import type { Digest } from "../format/digest.ts";
import type { Envelope } from "../format/dsse.ts";
import { utcFromMillis } from "../format/time.ts";
import { checkApproval } from "../gate/approval-statement.ts";
import { type Basis, basisOf } from "./append-to-run.ts";
import { pinEnvelope, pinJson } from "./document-pin.ts";
import type { Lane } from "./lane.ts";
import { recordSigned } from "./record-signed.ts";
import { refuseRevoked } from "./revoked-keys.ts";
import { RunError } from "./run-error.ts";
import { type InvocationState, invocationsOf, type RunState, type StepState } from "./run-state.ts";
import { untilRecorded } from "./until-recorded.ts";

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
  return untilRecorded(lane, run, async () => {
    const state = lane.states.load(run);
    const basis = basisOf(state);
    const principals = lane.pinned.read("principals", state.document.principals);
    const checked = refuseRevoked(
      lane.store,
      await checkApproval(envelope, principals, utcFromMillis(lane.clock())),
    );
    if (!checked.ok) {
      throw new RunError({
        code: "STATEMENT_REFUSED",
        message: `the approval is refused: ${checked.reason}`,
        hint: `witnessops run show ${run}`,
      });
    }
    const { fact, statement } = checked;
    const found = waitingForApproval(state).find((one) => one.action?.digest === statement.actionDigest);
    const list = found === undefined ? waitingList(state, statement.actionDigest) : undefined;
    if (list !== undefined) {
      if (list.waiting.approvals.includes(fact.digest as Digest))
        return { invocation: list.waiting.id, approval: fact };
      if (await recordForList(lane, state, basis, list, envelope, fact))
        return { invocation: list.waiting.id, approval: fact };
      return undefined;
    }
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
    return recorded ? { invocation: found.id, approval: fact } : undefined;
  });
}

/** The list of a `forEach` step whose digest this is, with an element of it that waits. */
function waitingList(
  state: RunState,
  digest: string,
): { readonly list: ActionList; readonly waiting: InvocationState } | undefined {
  for (const step of state.steps) {
    const list = listOf(state, step);
    if (list === undefined || listDigest(list) !== digest) continue;
    const waiting = step.invocations?.find(isWaitingForApproval);
    if (waiting !== undefined) return { list, waiting };
  }
  return undefined;
}

/** The declared list of a `forEach` step; undefined until every element has asked, so that all of it can be read. */
export function listOf(
  { document }: RunState,
  { definition, invocations }: StepState,
): ActionList | undefined {
  if (definition.forEach === undefined || invocations === undefined || invocations.length === 0)
    return undefined;
  const digests = invocations.flatMap(({ action }) => (action === undefined ? [] : [action.digest]));
  return digests.length === invocations.length ? actionList(document.run, definition.id, digests) : undefined;
}

function recordForList(
  lane: Lane,
  state: RunState,
  basis: Basis,
  { list }: { readonly list: ActionList },
  envelope: Envelope,
  { digest, principal, decision, keyId }: ApprovalFact,
): Promise<boolean> {
  const pinned = pinJson(list);
  return recordSigned(lane, state, basis, { step: list.step }, envelope, {
    event: "approval-recorded",
    name: "approval",
    principal,
    detail: { decision, list: pinned.digest },
    parts: { approvals: [{ digest, principal, decision, keyId }] },
    documents: [pinned],
  });
}

/** Whether an approval of `approved` is one of this action: it is the same, or a list that has it. */
export function coversAction(
  lane: Pick<Lane, "store">,
  run: string,
  approved: string,
  action: string,
): "action" | "list" | undefined {
  if (approved === action) return "action";
  const bytes = lane.store.document(approved as Digest);
  if (bytes === undefined) return undefined;
  const list = parseJson(bytes) as unknown as ActionList;
  const holds =
    checkSchema(actionListSchema, list).length === 0 && list.run === run && list.actions.includes(action);
  return holds ? "list" : undefined;
}
