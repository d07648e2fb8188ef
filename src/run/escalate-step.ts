import { referenceOf } from "../contract/contract.ts";
import { buildEscalation, recipientOf } from "../contract/escalation.ts";
import { hexOf } from "../format/digest.ts";
import { runStream } from "../ledger/streams.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import { appendDecided, basisOf, isLab, type Progress } from "./append-to-run.ts";
import { pinJson } from "./document-pin.ts";
import type { Lane } from "./lane.ts";
import { runParts, stepParts } from "./receipt-entry.ts";
import type { InvocationState, RunState, StepState } from "./run-state.ts";

/**
 * Escalates a failure or denial: a receipt names the recipient and binds the package that they are given, collected
 * from the run's receipts so far. The run waits until a person releases the step.
 */
export async function escalateStep(
  lane: Lane,
  state: RunState,
  step: StepState,
  invocation: InvocationState,
): Promise<Progress> {
  const { document } = state;
  const basis = basisOf(state);
  const receipts = lane.store
    .receipts(runStream(document.run))
    .map(({ digest, payload }) => ({ digest, predicate: readReceipt(payload).predicate }));
  const pin = document.contracts.find((one) => referenceOf(one) === step.definition.uses);
  const to = recipientOf(pin && lane.pinned.read("contract", pin.digest), state.runbook);
  const { run, objective } = document;
  const pinned = pinJson(buildEscalation({ run, invocation: invocation.id, to, objective, receipts }));
  return appendDecided(
    lane,
    state,
    basis,
    {
      event: "step-escalated",
      subject: [{ name: "escalation", digest: { sha256: hexOf(pinned.digest) } }],
      predicate: {
        ...runParts(document, lane.origin, isLab(lane, state)),
        ...stepParts(step, invocation),
        detail: { to, escalation: pinned.digest },
      },
    },
    { documents: [pinned] },
  );
}
