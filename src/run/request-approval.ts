import type { ActionDocument } from "../contract/action-document.ts";
import type { ApprovalRequest } from "../contract/approval-request.ts";
import { actionDigest } from "../gate/action-digest.ts";
import { checkApproval } from "../gate/approval-statement.ts";
import { readEnvelope } from "./document-pin.ts";
import type { Lane } from "./lane.ts";
import { coversAction } from "./record-approval.ts";
import { RunError } from "./run-error.ts";
import { type InvocationState, invocationsOf, type RunState } from "./run-state.ts";

/** How many runs are looked through for the same step's action before. */
const MAX_LOOKED_AT = 200;

/**
 * What an approver is shown of a paused invocation: the action document that its digest covers, its contract, and the
 * host's account of what was approved before and by whom now.
 *
 * @param list all elements of the `forEach` step, the invocation the first of them: the decision is about all.
 * @throws RunError `STEP_NOT_WAITING`, `PINNED_MISSING` when the recorded action does not have its digest.
 */
export async function requestApproval(
  lane: Lane,
  state: RunState,
  invocation: InvocationState,
  list?: readonly InvocationState[],
): Promise<ApprovalRequest> {
  const { action } = invocation;
  if (action === undefined) {
    throw new RunError({
      code: "STEP_NOT_WAITING",
      message: `\`${invocation.id}\` waits for no approval`,
      hint: `witnessops run show ${state.document.run}`,
    });
  }
  shownAction(invocation);
  const before = approvedBefore(lane, state, invocation);
  return {
    schema: "witnessops/approval-request/v1",
    action: action.document,
    ...(list === undefined ? {} : { list: list.map((one) => shownAction(one)) }),
    contract: { ...lane.pinned.read("contract", action.document.contract.digest) },
    ...(action.expiresAt === undefined ? {} : { expiresAt: action.expiresAt }),
    ...(before === undefined ? {} : { before }),
    approvedBy: await approversOf(lane, state, invocation),
  };
}

/** The recorded action of an invocation. What is shown is what is signed. */
function shownAction({ action }: InvocationState): ActionDocument {
  if (action !== undefined && actionDigest(action.document) === action.digest) return action.document;
  throw new RunError({
    code: "PINNED_MISSING",
    message: "the recorded action does not have its digest",
    hint: "witnessops doctor",
  });
}

/** The newest action of the same step that was carried out with approval in an earlier run of the engagement. */
function approvedBefore(
  lane: Lane,
  { document }: RunState,
  { step, key }: InvocationState,
): ActionDocument | undefined {
  const runs = lane.store.runs().slice(-MAX_LOOKED_AT).reverse();
  for (const { run } of runs) {
    if (run === document.run) continue;
    const earlier = lane.states.load(run);
    const { runbook, engagement } = earlier.document;
    if (runbook.id !== document.runbook.id || engagement.id !== document.engagement.id) continue;
    for (const one of invocationsOf(earlier)) {
      const same = one.step === step && one.key === key && one.phase === "executed";
      if (same && one.action !== undefined && one.approvals.length > 0) return one.action.document;
    }
  }
  return undefined;
}

async function approversOf(lane: Lane, state: RunState, invocation: InvocationState): Promise<string[]> {
  const principals = lane.pinned.read("principals", state.document.principals);
  const now = new Date(lane.clock()).toISOString();
  const names = new Set<string>();
  for (const digest of invocation.approvals) {
    const checked = await checkApproval(readEnvelope(lane.store, digest), principals, now);
    const wanted = invocation.action?.digest ?? "";
    const fits =
      checked.ok &&
      coversAction(lane, state.document.run, checked.statement.actionDigest, wanted) !== undefined;
    if (fits && checked.fact.decision === "approve") names.add(checked.fact.principal);
  }
  return [...names].sort();
}
