import { CelBudgetSpent } from "../contract/cel-budget.ts";
import { referenceOf } from "../contract/contract.ts";
import { compileDataSchema } from "../contract/data-schema.ts";
import { judgeReadBack } from "../contract/read-back.ts";
import { resolveRunbookScope } from "../contract/resolve-action.ts";
import type { RunbookStep } from "../contract/runbook.ts";
import type { FailureMode } from "../contract/vocabulary.ts";
import type { Json, JsonObject } from "../format/json.ts";
import type { Again } from "./again.ts";
import { checkEscalation } from "./check-escalation.ts";
import { checkFlow, checkOutcome } from "./check-flow.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import { type Deciding, decideCall, type WholeRun } from "./decide-call.ts";
import type { Invoked } from "./invoked.ts";
import type { Receipt } from "./read-receipts.ts";
import { readingOf } from "./reading.ts";
import { checkRecordedWord } from "./recorded-words.ts";
import { checkResolved } from "./resolutions.ts";
import { RunSoFar } from "./run-so-far.ts";
import { misplaced } from "./transitions.ts";

/**
 * Decides a run again, receipt by receipt, from what it pinned: order, expressions, action documents, gates, outputs
 * and error classes. What the record says is compared, never believed.
 */
export async function decideRunAgain(again: Again, run: ClaimedRun): Promise<void> {
  const { decisions } = again;
  if (!isWhole(run) || !hasContracts(again, run)) {
    decisions.doubt(`run \`${run.id}\` lacks a definition that it pins, and cannot be decided again`);
    return;
  }
  const inputFaults = compileDataSchema(run.runbook.inputs).check(run.document.inputs as Json);
  if (inputFaults.length > 0) {
    const message = `the inputs of run \`${run.id}\` do not fit its runbook`;
    decisions.fail("FAILURE_DECISION_MISMATCH", message, { receipt: run.opened.digest });
  }
  const policy = await again.decider(run);
  try {
    await decideReceipts(again, run, policy);
  } catch (error) {
    if (!(error instanceof CelBudgetSpent)) throw error;
    decisions.doubt(
      `run \`${run.id}\` could not be decided again to its end: its expressions do too much work`,
    );
  }
}

async function decideReceipts(again: Again, run: WholeRun, policy: Deciding["policy"]): Promise<void> {
  const { decisions } = again;
  const soFar = again.cel(() => new RunSoFar(run.document, run.runbook, modes(again, run)));
  const scope = again.cel(() => resolveRunbookScope(run.runbook, run.document.inputs as JsonObject));
  const deciding: Deciding = { again, run, soFar, policy, scope };
  for (const receipt of run.receipts) {
    const { event, step } = receipt.predicate;
    if (event === "artifact-imported") continue;
    const why = misplaced(soFar, receipt);
    if (why !== undefined) {
      const name = step?.key === undefined ? (step?.id ?? "") : `${step.id}[${step.key}]`;
      const message = `\`${name.slice(0, 200)}\`: ${why}`;
      decisions.fail("FAILURE_DECISION_MISMATCH", message, { receipt: receipt.digest });
    }
    checkFlow(again, run, soFar, receipt);
    const invoked = soFar.find(receipt);
    await checkRecordedWord(again, run, receipt, invoked);
    if (invoked !== undefined) {
      const of = soFar.stepOf(receipt);
      if (of !== undefined) checkEscalation(again, run, of, invoked, receipt);
      if (event === "step-resolved") await checkResolved(again, run, receipt, invoked);
      await decideCall(deciding, receipt, invoked);
    }
    soFar.apply(receipt);
    if (invoked?.readBackOf !== undefined) await judge(again, run, receipt, invoked.readBackOf);
  }
  checkOutcome(again, run, soFar);
}

/** What an executed read-back says about the doubt, judged again from what it read back. */
async function judge(again: Again, run: WholeRun, receipt: Receipt, doubt: Invoked): Promise<void> {
  const { event, step, invocation } = receipt.predicate;
  const called = event === "step-executed" ? await readingOf(again, run, step?.id, doubt) : undefined;
  if (called === undefined || invocation?.outputs === undefined) return;
  const { confirm, inputs } = called;
  const finding = again.cel(() => judgeReadBack(confirm, inputs, invocation.outputs as JsonObject));
  if (finding !== undefined) doubt.confirmed ??= { receipt: receipt.digest, finding };
}

/** Whether the bundle holds every definition that the run pins, contracts aside. */
export function isWhole(run: ClaimedRun): run is WholeRun {
  const { runbook, engagement, principals, policies, lock } = run;
  return ![runbook, engagement, principals, policies, lock].includes(undefined);
}

/** Whether it holds the very contracts: what another one says decides nothing. */
function hasContracts({ bundle }: Again, { document }: ClaimedRun): boolean {
  return document.contracts.every(
    (pinned) => bundle.contracts.get(referenceOf(pinned))?.digest === pinned.digest,
  );
}

/** What a failure of a step means: its own `onFailure`, else its contract's. */
function modes(again: Again, run: WholeRun): (step: RunbookStep) => FailureMode | undefined {
  return ({ onFailure, uses }) => {
    const pinned = run.document.contracts.find((contract) => referenceOf(contract) === uses);
    return onFailure ?? (pinned && again.bundle.contracts.get(uses)?.contract.failure.onFailure);
  };
}
