import { buildAction } from "../contract/build-action.ts";
import { type Contract, referenceOf } from "../contract/contract.ts";
import { resolveRunbookScope } from "../contract/resolve-action.ts";
import type { RunbookStep } from "../contract/runbook.ts";
import { decideWhen, expandForEach, resolveStepInputs } from "../contract/step-inputs.ts";
import { type JsonObject, sameJson } from "../format/json.ts";
import { tightenApproval } from "../gate/tighten-approval.ts";
import type { Again } from "./again.ts";
import type { WholeRun } from "./decide-call.ts";
import type { Receipt } from "./read-receipts.ts";
import type { RunSoFar } from "./run-so-far.ts";

/**
 * Checks a step that was denied before its gates: what could be described had to be decided, so that nobody hides a
 * gate's denial, or a call, behind an invented refusal.
 */
export function checkRefusal(
  again: Again,
  run: WholeRun,
  soFar: RunSoFar,
  step: RunbookStep,
  receipt: Receipt,
  wrong: (message: string) => void,
): void {
  const invented = inventedReason(again, run, soFar, step, receipt);
  if (invented !== undefined) wrong(`it was denied for ${invented}`);
}

function inventedReason(
  again: Again,
  run: WholeRun,
  soFar: RunSoFar,
  step: RunbookStep,
  receipt: Receipt,
): string | undefined {
  const context = soFar.context(step);
  switch (receipt.predicate.detail?.reason) {
    case "when-failed":
      return again.cel(() => decideWhen(step, context)).ok ? "its `when`, which can be computed" : undefined;
    case "for-each-refused":
      return again.cel(() => expandForEach(step, context)).ok
        ? "its `forEach`, which can be expanded"
        : undefined;
    case "secret-unavailable":
      return (contractOf(again, run, step)?.execution.secrets ?? []).length === 0
        ? "a secret, of which its contract has none"
        : undefined;
    default:
      return again.cel(() => isDescribable(again, run, soFar, step, receipt))
        ? "an action that could not be described, and it can be"
        : undefined;
  }
}

/** Whether everything that a step's gates would have needed can be computed. */
function isDescribable(
  again: Again,
  run: WholeRun,
  soFar: RunSoFar,
  step: RunbookStep,
  receipt: Receipt,
): boolean {
  const contract = contractOf(again, run, step);
  const invoked = soFar.find(receipt);
  if (contract === undefined || invoked === undefined) return false;
  // Which adapters a host has is the host's word.
  const { adapter } = contract.execution;
  if (sameJson(receipt.predicate.detail?.faults, [`no adapter \`${adapter}\``])) return false;
  const inputs = resolveStepInputs(step, contract, soFar.context(step, invoked));
  if (!inputs.ok || !resolveRunbookScope(run.runbook, run.document.inputs as JsonObject).ok) return false;
  try {
    return buildAction({
      run: run.document,
      step: step.id,
      invocation: `${run.id}/${step.id}`,
      contract,
      contractDigest: "",
      inputs: inputs.inputs,
      approvalRule: tightenApproval(contract.authority.approval, step.gates?.approval),
      nonce: "",
    }).ok;
  } catch {
    // Approval rules that have nothing in common cannot be described either.
    return false;
  }
}

function contractOf(again: Again, run: WholeRun, step: RunbookStep): Contract | undefined {
  const pinned = run.document.contracts.find((contract) => referenceOf(contract) === step.uses);
  return pinned && again.bundle.contracts.get(referenceOf(pinned))?.contract;
}
