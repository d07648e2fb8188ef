import type { ApprovalRequest } from "../contract/approval-request.ts";
import type { Lane } from "../run/lane.ts";
import { isWaitingForApproval, listOf } from "../run/record-approval.ts";
import { requestApproval } from "../run/request-approval.ts";
import type { RunState } from "../run/run-state.ts";
import { refused } from "./cli-error.ts";
import { findWaiting } from "./find-waiting.ts";

/** What is to be approved: the one invocation that waits, or the whole list of a `forEach` step. */
export function findRequest(
  lane: Lane,
  state: RunState,
  asked: { readonly step: string | undefined; readonly list: boolean },
): Promise<ApprovalRequest> {
  if (!asked.list) {
    const found = findWaiting(state, asked.step, "waits for an approval", isWaitingForApproval);
    return requestApproval(lane, state, found);
  }
  const { run } = state.document;
  const lists = state.steps.filter(
    (step) =>
      (asked.step === undefined || step.definition.id === asked.step) &&
      step.definition.forEach !== undefined &&
      step.invocations?.some(isWaitingForApproval) === true,
  );
  const [step] = lists;
  const [first] = step?.invocations ?? [];
  if (step === undefined || first === undefined || lists.length > 1)
    throw refused(
      `no list, or more than one, of run \`${run}\` waits for an approval`,
      "name the `forEach` step",
    );
  if (listOf(state, step) === undefined)
    throw refused(
      `not every element of \`${step.definition.id}\` has asked yet`,
      `witnessops run resume ${run}`,
    );
  return requestApproval(lane, state, first, step.invocations);
}
