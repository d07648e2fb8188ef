import type { Adapter, Isolates } from "../adapter/adapter.ts";
import type { ActionDocument } from "../contract/action-document.ts";
import { type Awaited, awaitedOf } from "../contract/awaited.ts";
import type { Given } from "../contract/awaited-result.ts";
import { buildAction } from "../contract/build-action.ts";
import type { Contract } from "../contract/contract.ts";
import type { Engagement } from "../contract/engagement.ts";
import type { ApprovalFact, GateRecord, LiveStatus } from "../contract/gate-record.ts";
import { pausedAtOf } from "../contract/paused-at.ts";
import { readBackContext } from "../contract/read-back.ts";
import { resolveRunbookScope } from "../contract/resolve-action.ts";
import { resolveStepInputs, type StepContext } from "../contract/step-inputs.ts";
import type { ApprovalRule } from "../contract/vocabulary.ts";
import type { Digest } from "../format/digest.ts";
import type { JsonObject } from "../format/json.ts";
import { utcFromMillis } from "../format/time.ts";
import { actionDigest } from "../gate/action-digest.ts";
import { checkApproval } from "../gate/approval-statement.ts";
import { permissionOf } from "../gate/break-glass.ts";
import { decideGates } from "../gate/decide-gates.ts";
import { GateError } from "../gate/gate-error.ts";
import { wantsIsolation } from "../gate/hold-tool.ts";
import { tightenApproval } from "../gate/tighten-approval.ts";
import { readEnvelope } from "./document-pin.ts";
import { inputsInDoubt } from "./inputs-in-doubt.ts";
import type { Lane } from "./lane.ts";
import { readLiveStatus } from "./live-status.ts";
import { readBreakGlass } from "./read-break-glass.ts";
import { givenBy, readGiven } from "./read-given.ts";
import { readProofs } from "./read-proofs.ts";
import { coversAction } from "./record-approval.ts";
import type { InvocationState, RunState, StepState } from "./run-state.ts";
import { stepContext } from "./step-context.ts";

/** A step whose action could be described and was decided. */
export interface GatedStep {
  readonly contract: Contract;
  readonly contractDigest: Digest;
  readonly adapter: Adapter;
  readonly action: ActionDocument;
  readonly inputs: JsonObject;
  readonly record: GateRecord;
  /** Scope patterns for the egress guard: the engagement's. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Whom the engagement lets secret evidence be sealed to. */
  readonly recipients: readonly string[];
  /** The engagement's window. */
  readonly window: Engagement["window"];
  /** When the permission ends by which somebody acts without approval. */
  readonly glassEnd: string | undefined;
  /** What the call waits for, and what it was given once that is there. */
  readonly awaited: Awaited | undefined;
  readonly given: Given | undefined;
}

/** A step, its contract loaded from what the run pinned, and everything the gates say about it. */
export async function gateStep(
  lane: Lane,
  state: RunState,
  step: StepState,
  invocation: InvocationState,
  attempt: number,
): Promise<{ ok: true; gated: GatedStep } | { ok: false; faults: readonly string[] }> {
  const { document, runbook } = state;
  const pinned = document.contracts.find((one) => `${one.id}@${one.version}` === step.definition.uses);
  if (pinned === undefined)
    return { ok: false, faults: [`contract \`${step.definition.uses}\` was not pinned`] };
  const contract = lane.pinned.read("contract", pinned.digest);
  const adapter = lane.adapters.find((one) => one.id === contract.execution.adapter);
  if (adapter === undefined) return { ok: false, faults: [`no adapter \`${contract.execution.adapter}\``] };

  const resolved = resolveStepInputs(step.definition, contract, contextOf(lane, state, invocation));
  if (!resolved.ok) return resolved;
  const rule = tightenRule(contract.authority.approval, step.definition.gates?.approval);
  if (!rule.ok) return rule;
  const built = buildAction({
    run: document,
    step: invocation.step,
    ...(invocation.key === undefined ? {} : { forEachKey: invocation.key }),
    invocation: invocation.id,
    contract,
    contractDigest: pinned.digest,
    inputs: resolved.inputs,
    approvalRule: rule.rule,
    // The nonce is drawn once: what was approved is what runs.
    nonce: invocation.action?.document.nonce ?? lane.randomHex(16),
  });
  if (!built.ok) return built;

  const engagement = lane.pinned.read("engagement", document.engagement.digest);
  const principals = lane.pinned.read("principals", document.principals);
  const scope = resolveRunbookScope(runbook, document.inputs as JsonObject);
  if (!scope.ok) return { ok: false, faults: scope.faults };
  // What may change meanwhile is read before the instant of the decision is taken: it is not from after it.
  const proofs = readProofs(lane.store, engagement);
  const offered = await readIsolation(lane, adapter, contract);
  const live = { ...readLiveStatus(lane.store, step.definition.uses, engagement.id), ...offered };
  const now = utcFromMillis(lane.clock());
  const wanted = actionDigest(built.action);
  const approvals: ApprovalFact[] = [];
  for (const digest of invocation.approvals) {
    const checked = await checkApproval(readEnvelope(lane.store, digest), principals, now);
    // What was approved is one action, to the byte: inputs that changed meanwhile need a new approval.
    if (!checked.ok) continue;
    const { actionDigest: approved } = checked.statement;
    const covers = coversAction(lane, document.run, approved, wanted);
    if (covers === "action") approvals.push(checked.fact);
    if (covers === "list") approvals.push({ ...checked.fact, list: approved });
  }
  const breakGlass = await readBreakGlass(lane, engagement.id, invocation, principals, now, wanted);
  const awaits = awaitedOf(contract, built.action);
  if (!awaits.ok) return awaits;
  const { awaited } = awaits;
  const arrived =
    awaited === undefined ? [] : await readGiven(lane, invocation, awaited, principals, now, wanted);
  const record = decideGates({
    action: built.action,
    attempt,
    now,
    draft: document.draft,
    contract,
    contractDigest: pinned.digest,
    lock: lane.pinned.read("catalog-lock", document.catalogLock),
    engagement,
    principals,
    runbookScope: { include: scope.include, exclude: scope.exclude },
    runbookClassification: runbook.classification,
    adapter: {
      id: adapter.id,
      version: adapter.version,
      isolation: adapter.isolation,
      egress: adapter.egress,
    },
    live,
    approvals,
    pausedAt: pausedAtOf(invocation.pauses, wanted),
    ...(proofs === undefined ? {} : { proofs }),
    ...(breakGlass === undefined ? {} : { breakGlass }),
    ...(awaited === undefined ? {} : { awaited, given: arrived.map(({ fact }) => fact) }),
    policy: await lane.pinned.decider(document.policies),
  });
  return {
    ok: true,
    gated: {
      contract,
      contractDigest: pinned.digest as Digest,
      adapter,
      action: built.action,
      inputs: resolved.inputs,
      record,
      glassEnd: breakGlass && permissionOf({ engagement }, breakGlass.breakGlass)?.window.notAfter,
      awaited,
      given: awaited === undefined ? undefined : givenBy(awaited, record, arrived),
      window: engagement.window,
      recipients: engagement.evidence?.recipients ?? [],
      include: [...engagement.scope.include, ...(engagement.bypass?.boundary ?? [])],
      exclude: [...(engagement.scope.exclude ?? []), ...scope.exclude],
    },
  };
}

/** What the host can hold the tool with, asked only when the contract wants it. */
async function readIsolation(
  lane: Lane,
  adapter: Adapter & Partial<Isolates>,
  { execution }: Contract,
): Promise<Pick<LiveStatus, "isolation">> {
  if (!wantsIsolation(execution) || adapter.offerIsolation === undefined) return {};
  return { isolation: await adapter.offerIsolation(lane.root) };
}

function contextOf(lane: Lane, state: RunState, invocation: InvocationState): StepContext {
  const { readBackOf } = invocation;
  return readBackOf === undefined
    ? stepContext(state, invocation)
    : readBackContext(inputsInDoubt(lane, readBackOf.doubt));
}

function tightenRule(
  ofContract: ApprovalRule,
  ofStep: ApprovalRule | undefined,
): { ok: true; rule: ApprovalRule } | { ok: false; faults: readonly string[] } {
  try {
    return { ok: true, rule: tightenApproval(ofContract, ofStep) };
  } catch (error) {
    if (error instanceof GateError) return { ok: false, faults: [error.message] };
    throw error;
  }
}
