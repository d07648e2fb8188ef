import { awaitedOf } from "../contract/awaited.ts";
import { buildAction } from "../contract/build-action.ts";
import type { Contract } from "../contract/contract.ts";
import type { GateRecord } from "../contract/gate-record.ts";
import { invocationName } from "../contract/invocation-name.ts";
import { pausedAtOf } from "../contract/paused-at.ts";
import { resolveRunbookScope } from "../contract/resolve-action.ts";
import type { Runbook, RunbookStep } from "../contract/runbook.ts";
import { decideWhen, expandForEach, resolveStepInputs, type StepContext } from "../contract/step-inputs.ts";
import type { FailureMode } from "../contract/vocabulary.ts";
import type { Digest } from "../format/digest.ts";
import { type Json, type JsonObject, sameJson } from "../format/json.ts";
import { decideGates } from "../gate/decide-gates.ts";
import type { PolicyDecider } from "../gate/facts.ts";
import { tightenApproval } from "../gate/tighten-approval.ts";
import type { WholeRun } from "./decide-call.ts";
import type { RecordedRun } from "./recorded-run.ts";

/** How one invocation would have gone. */
export interface Replayed {
  readonly step: string;
  readonly key?: string;
  readonly contract: string;
  /**
   * As in receipts; and `not-recorded`: it would have been called, and nothing recorded says how that ends; `waits`: an
   * earlier step would wait; `unknown`: it cannot be said.
   */
  readonly outcome: string;
  readonly gate?: string;
  readonly decision?: string;
  readonly reason?: string;
  readonly notes: readonly string[];
}

/** What a run is decided with, instead of what it pinned. */
export interface Changed {
  readonly runbook: Runbook;
  readonly policy: PolicyDecider;
  readonly contract: (
    reference: string,
  ) => { readonly contract: Contract; readonly digest: Digest } | undefined;
}

interface StepEnd {
  readonly definition: RunbookStep;
  readonly seen: JsonObject | undefined;
  readonly executed: boolean;
  readonly over: boolean;
}

/** Outcomes after which nothing more happens to a step. */
const ENDED = new Set(["executed", "failed", "denied", "skipped", "cancelled"]);
const ZERO_NONCE = "0".repeat(32);

/**
 * Goes through a changed runbook, step by step, with what a run recorded: inputs, results, approvals, times and live
 * status. An action that comes out as recorded has the recorded result; of any other nothing is known but what the gates
 * say. Run and runbook stand in actions as recorded, so that only what the change does shows.
 */
export function replayRun(run: WholeRun, recorded: RecordedRun, changed: Changed): Replayed[] {
  const ends = new Map<string, StepEnd>();
  const replayed: Replayed[] = [];
  let stopped = false;
  let waiting = false;
  for (const definition of changed.runbook.steps) {
    const contract = changed.contract(definition.uses);
    const of = replayStep({ run, recorded, changed, ends, stopped, waiting }, definition, contract);
    replayed.push(...of);
    const executed = of.every(({ outcome }) => outcome === "executed");
    const over = of.every(({ outcome }) => ENDED.has(outcome));
    ends.set(definition.id, { definition, executed, over, seen: seenOf(run, recorded, definition, of) });
    const mode = definition.onFailure ?? contract?.contract.failure.onFailure;
    const broken = of.filter(({ outcome }) => outcome === "failed" || outcome === "denied");
    if (broken.length > 0 && mode === "stop") stopped = true;
    if (!over || broken.some((one) => isHeld(run, recorded, one, mode))) waiting = true;
  }
  return replayed;
}

interface Replaying {
  readonly run: WholeRun;
  readonly recorded: RecordedRun;
  readonly changed: Changed;
  readonly ends: ReadonlyMap<string, StepEnd>;
  readonly stopped: boolean;
  readonly waiting: boolean;
}

function replayStep(
  replaying: Replaying,
  definition: RunbookStep,
  contract: { readonly contract: Contract; readonly digest: Digest } | undefined,
): Replayed[] {
  const { run, ends, stopped, waiting } = replaying;
  const base = { step: definition.id, contract: definition.uses };
  const whole = (outcome: string, ...notes: string[]): Replayed[] => [{ ...base, outcome, notes }];
  if (stopped) return whole("cancelled", "an earlier failure stops the run");
  const unready = readinessOf(ends, definition, waiting);
  if (unready !== undefined) return whole(...unready);
  const steps: Record<string, Json> = {};
  for (const [id, { seen }] of ends) if (seen !== undefined) steps[id] = seen;
  const context: StepContext = { inputs: run.document.inputs as JsonObject, steps };
  const when = decideWhen(definition, context);
  if (!when.ok) return whole("unknown", ...when.faults);
  if (!when.holds) return whole("skipped", `\`when\` is false: ${definition.when}`);
  if (contract === undefined) return whole("unknown", "the bundle does not hold this contract");
  if (definition.forEach === undefined)
    return [replayInvocation(replaying, definition, contract, context, undefined)];
  const expanded = expandForEach(definition, context);
  if (!expanded.ok) return whole("unknown", ...expanded.faults);
  return expanded.elements.map(({ key, element }) =>
    replayInvocation(replaying, definition, contract, { ...context, each: element }, key),
  );
}

function readinessOf(
  ends: ReadonlyMap<string, StepEnd>,
  { needs }: RunbookStep,
  waiting: boolean,
): [string, string] | undefined {
  if (needs === undefined) return waiting ? ["waits", "an earlier step waits or is held"] : undefined;
  for (const id of needs) {
    const needed = ends.get(id);
    if (needed?.over !== true) return ["waits", `\`${id}\` would not have ended`];
    if (!needed.executed) return ["skipped", `\`${id}\` would not be executed`];
  }
  return undefined;
}

function replayInvocation(
  { run, recorded, changed }: Replaying,
  definition: RunbookStep,
  { contract, digest }: { readonly contract: Contract; readonly digest: Digest },
  context: StepContext,
  key: string | undefined,
): Replayed {
  const base = {
    step: definition.id,
    ...(key === undefined ? {} : { key }),
    contract: definition.uses,
  };
  const unknown = (...notes: string[]): Replayed => ({ ...base, outcome: "unknown", notes });
  const name = invocationName(run.id, { id: definition.id, ...(key === undefined ? {} : { key }) });
  const before = recorded.invocations.get(name);
  if (before?.byPerson === true)
    return { ...base, outcome: "cancelled", notes: ["a person asked for it, as recorded"] };
  const template = before?.record ?? recorded.sample;
  if (template === undefined)
    return unknown("the run recorded no decision to take time and live status from");
  const inputs = resolveStepInputs(definition, contract, context);
  if (!inputs.ok) return unknown(...inputs.faults);
  const scope = resolveRunbookScope(changed.runbook, context.inputs);
  if (!scope.ok) return unknown(...scope.faults);
  let approvalRule: ReturnType<typeof tightenApproval>;
  try {
    approvalRule = tightenApproval(contract.authority.approval, definition.gates?.approval);
  } catch {
    return unknown("its approval rules have nothing in common");
  }
  const built = buildAction({
    run: run.document,
    step: definition.id,
    ...(key === undefined ? {} : { forEachKey: key }),
    invocation: name,
    contract,
    contractDigest: digest,
    inputs: inputs.inputs,
    approvalRule,
    nonce: before?.record?.action.nonce ?? ZERO_NONCE,
  });
  if (!built.ok) return unknown(...built.faults);
  // The rule may change without the action becoming another: what approvals there were are counted by it.
  const isSame =
    before?.record !== undefined && sameJson({ ...before.record.action, approvalRule }, built.action);
  const awaits = awaitedOf(contract, built.action);
  if (!awaits.ok) return unknown("what it waits for cannot be computed");
  const own: Partial<GateRecord> = isSame ? template : {};
  const pauses = isSame ? (before?.invoked.pauses ?? []) : [];
  const decided = decideGates({
    action: built.action,
    attempt: own.attempt ?? 1,
    now: template.decidedAt,
    draft: run.document.draft,
    contract,
    contractDigest: digest,
    lock: run.lock,
    engagement: run.engagement,
    principals: run.principals,
    runbookScope: { include: scope.include, exclude: scope.exclude },
    runbookClassification: changed.runbook.classification,
    adapter: isSame ? template.adapter : { ...template.adapter, id: contract.execution.adapter },
    live: template.live,
    approvals: own.approvals ?? [],
    pausedAt: pausedAtOf(pauses, before?.record?.actionDigest ?? ""),
    ...(own.proofs === undefined ? {} : { proofs: own.proofs }),
    ...(own.breakGlass === undefined ? {} : { breakGlass: own.breakGlass }),
    ...(awaits.awaited === undefined ? {} : { awaited: awaits.awaited, given: own.given ?? [] }),
    policy: changed.policy,
  });
  const last = decided.gates.at(-1);
  const { decision } = decided;
  const phase = before?.invoked.phase ?? "";
  const wasCalled = before?.record?.decision === "allow" && phase !== "denied" && phase !== "cancelled";
  const outcomes = { deny: "denied", pause: "paused", allow: isSame && wasCalled ? phase : "not-recorded" };
  return {
    ...base,
    outcome: outcomes[decision],
    decision,
    ...(decision === "allow" || last === undefined ? {} : { gate: last.gate, reason: last.reason }),
    notes: notesOf(before?.record, isSame, decision),
  };
}

function notesOf(record: GateRecord | undefined, isSame: boolean, decision: string): string[] {
  if (record === undefined)
    return [
      "no gate decided this in the run: time, live status and isolation are those of its first decision",
    ];
  if (!isSame) return ["another action than was recorded: no approval and no result carries over"];
  return decision === "allow" && record.decision !== "allow"
    ? ["it would have been called; nothing recorded says how that would have ended"]
    : [];
}

/** What later expressions see of a step: recorded outputs where its action is the recorded one, else nothing. */
function seenOf(
  run: WholeRun,
  recorded: RecordedRun,
  definition: RunbookStep,
  of: readonly Replayed[],
): JsonObject | undefined {
  const one = ({ outcome, key }: Replayed): JsonObject | undefined => {
    if (!ENDED.has(outcome) && outcome !== "in-doubt" && outcome !== "paused") return undefined;
    const name = invocationName(run.id, { id: definition.id, ...(key === undefined ? {} : { key }) });
    const outputs = outcome === "executed" ? recorded.invocations.get(name)?.invoked.outputs : undefined;
    return { outcome, ...(outputs === undefined ? {} : { outputs }) };
  };
  if (definition.forEach === undefined) return of[0] && one(of[0]);
  const results = of.map((each) => ({ each, seen: one(each) }));
  if (results.some(({ seen }) => seen === undefined)) return undefined;
  return {
    outcome: of.every(({ outcome }) => outcome === "executed") ? "executed" : "mixed",
    results: results.map(({ each, seen }) => ({ key: each.key ?? "", ...seen })),
  };
}

/** Whether a failure or denial holds what comes after it: unless the person who released it did so for the same end. */
function isHeld(
  run: WholeRun,
  recorded: RecordedRun,
  { step, key, outcome }: Replayed,
  mode: FailureMode | undefined,
): boolean {
  if (mode !== "hold" && mode !== "escalate") return false;
  const name = invocationName(run.id, { id: step, ...(key === undefined ? {} : { key }) });
  const before = recorded.invocations.get(name)?.invoked;
  return before?.released !== true || before.phase !== outcome;
}
