import { buildAction } from "../contract/build-action.ts";
import { type Contract, referenceOf } from "../contract/contract.ts";
import { compileDataSchema } from "../contract/data-schema.ts";
import type { GateRecord } from "../contract/gate-record.ts";
import { resolveRunbookScope } from "../contract/resolve-action.ts";
import { decideWhen, expandForEach, resolveStepInputs } from "../contract/step-inputs.ts";
import type { Json, JsonObject } from "../format/json.ts";
import { decideGates } from "../gate/decide-gates.ts";
import type { GateFacts, PolicyDecider } from "../gate/facts.ts";
import { tightenApproval } from "../gate/tighten-approval.ts";
import type { Again } from "./again.ts";
import { checkAnchoredApprovals, checkRecordedApprovals } from "./approvals.ts";
import { checkAttempts, checkResolved } from "./attempts.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import type { Receipt } from "./read-receipts.ts";
import { recomputeResults } from "./recompute-result.ts";
import { type Invoked, RunSoFar } from "./run-so-far.ts";
import { ignoredStatus } from "./status-receipts.ts";
import { gateRecordDigest, readGateRecord, same } from "./step-binding.ts";

/** A run whose definitions are all in the bundle. */
type WholeRun = ClaimedRun & {
  readonly [K in "runbook" | "engagement" | "principals" | "lock"]: NonNullable<ClaimedRun[K]>;
};

/**
 * Decides a run again, receipt by receipt, from what it pinned: expressions, action documents, gates, outputs
 * and error classes. What the record says is compared, never believed.
 */
export async function decideRunAgain(again: Again, run: ClaimedRun): Promise<void> {
  const { decisions } = again;
  if (!isWhole(run)) {
    decisions.doubt(`run \`${run.id}\` lacks a definition that it pins, and cannot be decided again`);
    return;
  }
  const inputFaults = compileDataSchema(run.runbook.inputs).check(run.document.inputs as Json);
  if (inputFaults.length > 0) {
    const message = `the inputs of run \`${run.id}\` do not fit its runbook`;
    decisions.fail("FAILURE_DECISION_MISMATCH", message, { receipt: run.opened.digest });
  }
  const policy = await again.decider(run);
  const soFar = new RunSoFar(run.document, run.runbook);
  for (const receipt of run.receipts) {
    checkFlow(again, run, soFar, receipt);
    const invoked = soFar.find(receipt);
    if (receipt.predicate.event === "step-resolved") await checkResolved(again, run, receipt);
    const named = gateRecordDigest(receipt);
    if (named !== undefined && invoked !== undefined && receipt.predicate.invocation !== undefined) {
      await decideCall(again, run, soFar, receipt, invoked, policy, named);
    }
    soFar.apply(receipt);
  }
}

function isWhole(run: ClaimedRun): run is WholeRun {
  const { runbook, engagement, principals, lock } = run;
  return ![runbook, engagement, principals, lock].includes(undefined);
}

/** Decides again what led to a step's event: `when`, `forEach`, `needs`, and the stop after a failure. */
function checkFlow(again: Again, run: WholeRun, soFar: RunSoFar, receipt: Receipt): void {
  const { predicate, digest } = receipt;
  const { event, detail, step: named } = predicate;
  const step = soFar.steps.get(named?.id ?? "")?.definition;
  if (step === undefined) return;
  const wrong = (message: string): void =>
    again.decisions.fail("FAILURE_DECISION_MISMATCH", `\`${step.id}\`: ${message}`, { receipt: digest });
  const first = soFar.steps.get(step.id)?.invocations?.every(({ phase }) => phase === "pending") ?? true;
  if (event === "step-expanded") {
    const expanded = expandForEach(step, soFar.context());
    if (!expanded.ok) wrong("its `forEach` does not expand");
    else if (
      !same(
        expanded.elements.map(({ key }) => key),
        detail?.keys,
      ) ||
      !same(
        expanded.elements.map(({ element }) => element),
        detail?.elements,
      )
    ) {
      wrong("its `forEach` expands to other elements than recorded");
    }
    return;
  }
  if (event === "step-skipped") {
    if (detail?.reason === "when") {
      const when = decideWhen(step, soFar.context());
      if (!when.ok || when.holds) wrong("it was skipped, and its `when` holds");
    } else if (unmetNeed(soFar, step.needs) === undefined)
      wrong("it was skipped, and all it needs was executed");
    return;
  }
  if (predicate.invocation === undefined) return;
  if (step.forEach === undefined && first && step.when !== undefined) {
    const when = decideWhen(step, soFar.context());
    if (!when.ok || !when.holds) wrong("it was called, and its `when` does not hold");
  }
  const unmet = unmetNeed(soFar, step.needs);
  if (unmet !== undefined) wrong(`it was called, and \`${unmet}\`, which it needs, was not executed`);
  const stopper = stoppedBy(again, run, soFar);
  const fresh = ["pending", "paused"].includes(soFar.find(receipt)?.phase ?? "");
  if (stopper !== undefined && fresh && predicate.invocation.attempts.length > 0) {
    wrong(`it was called after \`${stopper}\` had stopped the run`);
  }
}

/** The step whose failure stops the run, if one did. */
function stoppedBy(again: Again, run: WholeRun, soFar: RunSoFar): string | undefined {
  for (const [id, { definition, invocations }] of soFar.steps) {
    if (!invocations?.some(({ phase }) => phase === "failed" || phase === "denied")) continue;
    const pinned = run.document.contracts.find((contract) => referenceOf(contract) === definition.uses);
    const contract = pinned && again.bundle.contracts.get(referenceOf(pinned))?.contract;
    if ((definition.onFailure ?? contract?.failure.onFailure) === "stop") return id;
  }
  return undefined;
}

function unmetNeed(soFar: RunSoFar, needs: readonly string[] | undefined): string | undefined {
  return needs?.find(
    (id) => soFar.steps.get(id)?.invocations?.every(({ phase }) => phase === "executed") !== true,
  );
}

async function decideCall(
  again: Again,
  run: WholeRun,
  soFar: RunSoFar,
  receipt: Receipt,
  invoked: Invoked,
  policy: PolicyDecider | undefined,
  named: string,
): Promise<void> {
  const { predicate, digest } = receipt;
  const { invocation, contract: pin } = predicate;
  const attempts = (invocation?.attempts ?? []).map(({ dispatchDigest }) => dispatchDigest);
  const held = again.bundle.contracts.get(pin === undefined ? "" : `${pin.id}@${pin.version}`);
  for (const recordDigest of new Set([...attempts, named])) {
    const record = await readGateRecord(again.bundle, recordDigest);
    // The layer `structure` has said so.
    if (record === undefined) continue;
    const contract =
      held ?? again.bundle.contracts.get(`${record.action.contract.id}@${record.action.contract.version}`);
    if (contract === undefined) continue;
    await decideRecord(
      again,
      run,
      soFar,
      receipt,
      invoked,
      policy,
      record,
      contract.contract,
      contract.digest,
    );
    if (record.decision !== "allow" && attempts.includes(recordDigest)) {
      const message = "an attempt was made although its gates did not allow it";
      again.decisions.fail("FAILURE_DECISION_MISMATCH", message, { receipt: digest });
    }
  }
  const { event, detail } = predicate;
  if (detail?.resolution !== undefined && detail.resolution !== invoked.resolution) {
    const message = "the call ends by a resolution that no receipt before it records";
    again.decisions.fail("FAILURE_DECISION_MISMATCH", message, { receipt: digest });
  }
  if (held === undefined) return;
  if (event === "step-executed" || event === "step-failed")
    checkAttempts(again, receipt, invoked, held.contract);
  await recomputeResults(again.bundle, receipt, held.contract, again.decisions);
}

async function decideRecord(
  again: Again,
  run: WholeRun,
  soFar: RunSoFar,
  receipt: Receipt,
  invoked: Invoked,
  policy: PolicyDecider | undefined,
  record: GateRecord,
  contract: Contract,
  contractDigest: string,
): Promise<void> {
  const at = { receipt: receipt.digest };
  const wrong = (message: string): void =>
    again.decisions.fail("FAILURE_DECISION_MISMATCH", `\`${record.action.invocation}\`: ${message}`, at);
  const step = soFar.steps.get(record.action.step)?.definition;
  if (step === undefined) return;
  const inputs = resolveStepInputs(step, contract, soFar.context(invoked));
  if (!inputs.ok) return wrong(`its inputs cannot be computed: ${inputs.faults[0] ?? ""}`);
  const rule = ruleOf(contract, step.gates?.approval);
  if (rule === undefined) return wrong("its approval rules have nothing in common");
  const built = buildAction({
    run: run.document,
    step: step.id,
    ...(invoked.key === undefined ? {} : { forEachKey: invoked.key }),
    invocation: record.action.invocation,
    contract,
    contractDigest,
    inputs: inputs.inputs,
    approvalRule: rule,
    nonce: record.action.nonce,
  });
  if (!built.ok) return wrong(`its action cannot be described: ${built.faults[0] ?? ""}`);
  if (!same(built.action, record.action))
    return wrong("the action document is not the one that follows from the runbook");
  const scope = resolveRunbookScope(run.runbook, run.document.inputs as JsonObject);
  if (!scope.ok) return wrong("the runbook's scope cannot be computed");
  if (record.adapter.id !== contract.execution.adapter)
    wrong("it was called by another adapter than the contract's");
  const ignored = ignoredStatus(again.bundle, run, record);
  if (ignored !== undefined) wrong(ignored);
  const approvals = await checkRecordedApprovals(again, run, receipt, invoked, record);
  if (policy === undefined) return;
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
    ...(invoked.paused === undefined ? {} : { pausedAt: invoked.paused.at }),
    policy,
  };
  const decided = decideGates(facts);
  if (!same({ ...decided }, record)) {
    const differing = decided.gates.find((gate, index) => !same(gate, record.gates[index]));
    wrong(
      differing === undefined
        ? "the gates decide otherwise than recorded"
        : `gate \`${differing.gate}\` decides \`${differing.decision}\` (${differing.reason}), recorded is another decision`,
    );
  }
  if (record.decision === "allow") await checkAnchoredApprovals(again, facts, receipt);
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
