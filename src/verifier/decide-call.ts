import { awaitedOf } from "../contract/awaited.ts";
import { buildAction } from "../contract/build-action.ts";
import type { Contract } from "../contract/contract.ts";
import type { GateRecord } from "../contract/gate-record.ts";
import { invocationName } from "../contract/invocation-name.ts";
import { pausedAtOf } from "../contract/paused-at.ts";
import { readBackContext, readBackStep } from "../contract/read-back.ts";
import type { resolveRunbookScope } from "../contract/resolve-action.ts";
import type { RunbookStep } from "../contract/runbook.ts";
import { resolveStepInputs, type StepContext } from "../contract/step-inputs.ts";
import { millisOfDuration } from "../format/duration.ts";
import { type JsonObject, sameJson } from "../format/json.ts";
import { millisOf } from "../format/time.ts";
import { approvalGate } from "../gate/approval-gate.ts";
import { decideGates } from "../gate/decide-gates.ts";
import { environmentGate } from "../gate/environment-gate.ts";
import type { GateFacts, PolicyDecider } from "../gate/facts.ts";
import { tightenApproval } from "../gate/tighten-approval.ts";
import type { Again } from "./again.ts";
import { checkAnchoredApprovals, checkRecordedApprovals } from "./approvals.ts";
import { checkAttempts } from "./attempts.ts";
import { checkRecordedGlass } from "./break-glass.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import { gateRecordDigest, readGateRecord } from "./gate-record-binding.ts";
import { checkAnchoredAnswer, checkRecordedGiven, givenTo } from "./given.ts";
import type { Invoked } from "./invoked.ts";
import { checkRecordedProofs } from "./proofs.ts";
import type { Receipt } from "./read-receipts.ts";
import { readingOf } from "./reading.ts";
import { recomputeResults } from "./recompute-result.ts";
import type { RunSoFar } from "./run-so-far.ts";
import { ignoredStatus } from "./status-receipts.ts";
import { earliestDispatch, untimelyAttempt, untimelyDecision } from "./times.ts";

/** A run whose definitions are all in the bundle. */
export type WholeRun = ClaimedRun & {
  readonly [K in "runbook" | "engagement" | "principals" | "lock"]: NonNullable<ClaimedRun[K]>;
};

/** What deciding one call of a run needs. */
export interface Deciding {
  readonly again: Again;
  readonly run: WholeRun;
  readonly soFar: RunSoFar;
  /** Undefined when the policies cannot be decided here. */
  readonly policy: PolicyDecider | undefined;
  /** The runbook's scope, computed from the run's inputs. */
  readonly scope: ReturnType<typeof resolveRunbookScope>;
}

interface Call {
  readonly receipt: Receipt;
  readonly invoked: Invoked;
  readonly contract: Contract;
  readonly contractDigest: string;
}

/**
 * Decides a call again. A gate record is decided in the context of the receipt that first carries it: later ones
 * repeat it, when other steps may have moved on.
 */
export async function decideCall(deciding: Deciding, receipt: Receipt, invoked: Invoked): Promise<void> {
  const { bundle, decisions } = deciding.again;
  const { event, invocation, contract: pin } = receipt.predicate;
  const named = gateRecordDigest(receipt);
  if (invocation === undefined || named === undefined) return;
  const { attempts } = invocation;
  const held = bundle.contracts.get(pin === undefined ? "" : `${pin.id}@${pin.version}`);
  const wrong = (message: string): void =>
    decisions.fail("FAILURE_DECISION_MISMATCH", `\`${invocation.id}\`: ${message}`, {
      receipt: receipt.digest,
    });
  for (const recordDigest of new Set([...attempts.map(({ dispatchDigest }) => dispatchDigest), named])) {
    const record = await readGateRecord(bundle, recordDigest);
    // The layer `structure` has said so.
    if (record === undefined) continue;
    const { id, version } = record.action.contract;
    const contract = held ?? bundle.contracts.get(`${id}@${version}`);
    if (contract === undefined) continue;
    const call = { receipt, invoked, contract: contract.contract, contractDigest: contract.digest };
    if (!invoked.decided.has(recordDigest)) {
      invoked.decided.set(recordDigest, await decideRecord(deciding, call, record));
      const untimely = untimelyDecision(record, invoked.lastAt, receipt);
      if (untimely !== undefined) wrong(untimely);
    }
    const index = attempts.findIndex(({ dispatchDigest }) => dispatchDigest === recordDigest);
    const attempt = attempts[index];
    const untimely = attempt && untimelyAttempt(attempt, record, attempts[index - 1], receipt);
    if (untimely !== undefined) wrong(`attempt ${attempt?.n}: ${untimely}`);
    const facts = invoked.decided.get(recordDigest);
    if (attempt !== undefined && facts !== undefined && record.decision === "allow")
      checkStart(deciding.again, receipt, facts, attempt.startedAt);
    if (event === "step-dispatched" && facts !== undefined && record.decision === "allow")
      checkStart(deciding.again, receipt, facts, earliestDispatch(record, receipt));
  }
  if (held === undefined) return;
  if (event === "step-executed" || event === "step-failed" || event === "step-in-doubt")
    checkAttempts(
      deciding.again,
      receipt,
      invoked,
      held.contract,
      invoked.readBackOf === undefined ? deciding.soFar.stepOf(receipt)?.definition : undefined,
    );
  await recomputeResults(deciding.again, receipt, held.contract, (record) =>
    givenOf(deciding, invoked, held.contract, record),
  );
}

/** What was allowed must still have been allowed when the attempt started: the window, and each approval's end. */
function checkStart(again: Again, receipt: Receipt, facts: GateFacts, startedAt: string): void {
  const at = { receipt: receipt.digest };
  const then = { ...facts, now: startedAt };
  const name = `\`${facts.action.invocation}\` attempt ${facts.attempt}`;
  if (environmentGate(then).decision !== "allow")
    again.decisions.fail("FAILURE_DECISION_MISMATCH", `${name} started outside the engagement's window`, at);
  if (approvalGate(then).decision !== "allow")
    again.approvals.fail("FAILURE_APPROVAL_INVALID", `${name} started after its approval had ended`, at);
}

/** Decides one gate record again. @returns the facts that decide it, as far as they could be established. */
async function decideRecord(
  { again, run, soFar, policy, scope }: Deciding,
  { receipt, invoked, contract, contractDigest }: Call,
  record: GateRecord,
): Promise<GateFacts | undefined> {
  const at = { receipt: receipt.digest };
  const wrong = (message: string): undefined =>
    void again.decisions.fail("FAILURE_DECISION_MISMATCH", `\`${record.action.invocation}\`: ${message}`, at);
  const called = await callOf({ again, run, soFar }, receipt, invoked, record);
  if (called === undefined) return wrong("it reads back too early, or nothing that its step declares");
  const { step } = called;
  const inputs = again.cel(() => resolveStepInputs(step, contract, called.context()));
  if (!inputs.ok) return wrong(`its inputs cannot be computed: ${inputs.faults[0] ?? ""}`);
  const rule = ruleOf(contract, step.gates?.approval);
  if (rule === undefined) return wrong("its approval rules have nothing in common");
  const built = again.cel(() =>
    buildAction({
      run: run.document,
      step: step.id,
      ...(invoked.key === undefined ? {} : { forEachKey: invoked.key }),
      invocation: invocationName(run.id, receipt.predicate.step),
      contract,
      contractDigest,
      inputs: inputs.inputs,
      approvalRule: rule,
      nonce: record.action.nonce,
    }),
  );
  if (!built.ok) return wrong(`its action cannot be described: ${built.faults[0] ?? ""}`);
  if (!sameJson(built.action, record.action))
    return wrong("the action document is not the one that follows from the runbook");
  if (!scope.ok) return wrong("the runbook's scope cannot be computed");
  if (record.adapter.id !== contract.execution.adapter)
    wrong("it was called by another adapter than the contract's");
  again.charge(again.bundle.statusReceipts.length);
  const ignored = ignoredStatus(again.bundle, run, record);
  if (ignored !== undefined) wrong(ignored);
  const approvals = await checkRecordedApprovals(again, run, receipt, invoked, record, contract);
  const proofs = await checkRecordedProofs(again, run, record, wrong);
  const breakGlass = await checkRecordedGlass(again, run.principals, receipt, invoked, record);
  const awaits = again.cel(() => awaitedOf(contract, built.action));
  if (!awaits.ok) return wrong("what it waits for cannot be computed");
  const { awaited } = awaits;
  const given =
    awaited && (await checkRecordedGiven(again, run.principals, receipt, invoked, record, awaited));
  if (policy === undefined) return undefined;
  const facts: GateFacts = {
    action: built.action,
    attempt: record.attempt,
    now: record.decidedAt,
    draft: run.document.draft,
    contract,
    contractDigest,
    lock: run.lock,
    engagement: run.engagement,
    principals: run.principals,
    runbookScope: { include: scope.include, exclude: scope.exclude },
    runbookClassification: run.runbook.classification,
    adapter: record.adapter,
    live: record.live,
    approvals,
    pausedAt: pausedAtOf(invoked.pauses, record.actionDigest),
    ...(proofs === undefined ? {} : { proofs }),
    ...(breakGlass === undefined ? {} : { breakGlass }),
    ...(awaited === undefined || given === undefined ? {} : { awaited, given }),
    policy,
  };
  const decided = decideGates(facts);
  if (!sameJson({ ...decided }, record)) {
    const differing = decided.gates.find((gate, index) => !sameJson(gate, record.gates[index]));
    wrong(
      differing === undefined
        ? "the gates decide otherwise than recorded"
        : `gate \`${differing.gate}\` decides \`${differing.decision}\` (${differing.reason}), recorded is another decision`,
    );
  }
  if (record.decision === "allow") {
    await checkAnchoredApprovals(again, facts, receipt);
    await checkAnchoredAnswer(again, facts, record, receipt);
  }
  return facts;
}

/** The step that a call belongs to and what its expressions saw; of a read-back, the one that its contract declares. */
async function callOf(
  { again, run, soFar }: Pick<Deciding, "again" | "run" | "soFar">,
  receipt: Receipt,
  invoked: Invoked,
  record: GateRecord,
): Promise<{ step: RunbookStep; context: () => StepContext } | undefined> {
  const step = soFar.stepOf(receipt)?.definition;
  const doubt = invoked.readBackOf;
  if (step === undefined || doubt === undefined)
    return step && { step, context: () => soFar.context(step, invoked) };
  const reading = await readingOf(again, run, step.id, doubt);
  if (reading === undefined) return undefined;
  const due = (millisOf(doubt.doubt?.startedAt ?? "") ?? 0) + millisOfDuration(reading.confirm.after);
  if (record.decision === "allow" && (millisOf(record.decidedAt) ?? 0) < due) return undefined;
  return { step: readBackStep(step, reading.confirm), context: () => readBackContext(reading.inputs) };
}

/** What a call was given that waited; undefined for calls that wait for nothing. */
async function givenOf(
  { again, run }: Deciding,
  invoked: Invoked,
  contract: Contract,
  record: GateRecord,
): Promise<{ result: JsonObject | undefined } | undefined> {
  const awaits = again.cel(() => awaitedOf(contract, record.action));
  if (!awaits.ok || awaits.awaited === undefined) return undefined;
  const given = await givenTo(again, run.principals, invoked, record, awaits.awaited);
  return { result: given?.result };
}

function ruleOf(
  contract: Contract,
  step: Parameters<typeof tightenApproval>[1],
): ReturnType<typeof tightenApproval> | undefined {
  try {
    return tightenApproval(contract.authority.approval, step);
  } catch {
    return undefined;
  }
}
