import type { AttemptFact } from "../contract/receipt-predicate.ts";
import type { Digest } from "../format/digest.ts";
import { millisOfDuration } from "../format/duration.ts";
import { utcFromMillis } from "../format/time.ts";
import { detailSubject, type Entry } from "./append-receipt.ts";
import { appendDecided, type Basis, basisOf, isLab, type Progress, placeOf } from "./append-to-run.ts";
import { type FailedAttempt, factOfRow, openAttempt } from "./attempt-facts.ts";
import { evidenceOf, type MadeAttempt } from "./call-adapter.ts";
import { discardBytes } from "./discard-bytes.ts";
import { invocationNamed } from "./fold-run.ts";
import type { GatedStep } from "./gate-step.ts";
import type { Lane } from "./lane.ts";
import { runParts, stepParts } from "./receipt-entry.ts";
import { type InvocationState, phaseOfTerminalEvent, type RunState, type StepState } from "./run-state.ts";
import { type DecidedCall, type StepFacts, stepEntry } from "./step-receipt.ts";
import type { DispatchRow } from "./store.ts";

type Pinned = { readonly digest: Digest; readonly bytes: Uint8Array };

const MAX_TRIES = 50;

/** Ends a step as its last attempt ended: `executed`, `failed`, or nobody knows. */
export async function endStep(
  lane: Lane,
  state: RunState,
  step: StepState,
  invocation: InvocationState,
  gated: GatedStep,
  made: MadeAttempt,
): Promise<Progress> {
  const { fact, outcome, captured, row } = made;
  const facts: StepFacts = {
    ...outcomeOf(fact),
    attempts: [...earlierFacts(invocation, row.attempt), fact],
    artifacts: [...storedArtifacts(lane, invocation), ...captured.map(({ artifact }) => artifact)],
    ...(outcome.outputs === undefined ? {} : { outputs: { ...outcome.outputs } }),
    ...(fact.exit === "in-doubt" ? { detail: { attempt: row.attempt, reason: "not-answered" } } : {}),
  };
  const where = placeOf(lane, state, step, invocation);
  const entry = stepEntry(where, eventOf(fact), gated, row.gateRecord, facts);
  // What happened is recorded wherever the stream stands by now, unless somebody has settled it as doubt.
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const now = lane.states.load(row.run);
    const open = invocationNamed(now, row.invocation);
    if (open?.phase !== "dispatched" || openAttempt(open)?.attempt !== row.attempt) break;
    if ((await appendDecided(lane, now, basisOf(now), entry, evidenceOf(made))) === "moved") return "moved";
    lane.states.drop(row.run);
  }
  await keepLate(lane, made);
  return "contended";
}

/**
 * Keeps what came after its attempt was given up as long as a receipt may still bind it. Later it is nothing that anybody
 * could say something of, or retire.
 */
async function keepLate(lane: Lane, made: MadeAttempt): Promise<void> {
  const { run, invocation } = made.row;
  const phase = invocationNamed(lane.states.load(run), invocation)?.phase;
  if (phase === undefined || !terminal.has(phase)) await lane.store.commit(evidenceOf(made));
  else for (const captured of made.captured) await discardBytes(lane, captured);
}

const terminal: ReadonlySet<string> = new Set(Object.values(phaseOfTerminalEvent));

/** Ends a step as failed by an earlier attempt, when no other may follow it. */
export function endFailed(
  lane: Lane,
  state: RunState,
  basis: Basis,
  step: StepState,
  invocation: InvocationState,
  last: FailedAttempt,
): Promise<Progress> {
  const facts: StepFacts = {
    ...outcomeOf(last.ended),
    attempts: [...earlierFacts(invocation, last.attempt), last.ended],
    artifacts: storedArtifacts(lane, invocation),
  };
  const where = placeOf(lane, state, step, invocation);
  const entry = stepEntry(where, "step-failed", decidedCall(lane, last), last.gateRecord, facts);
  return appendDecided(lane, state, basis, entry);
}

/** Leaves a step in doubt: an attempt was dispatched, its end is not known, and it may not go again by itself. */
export function leaveInDoubt(
  lane: Lane,
  state: RunState,
  basis: Basis,
  step: StepState,
  invocation: InvocationState,
  row: DispatchRow,
  reason: string,
): Promise<Progress> {
  const facts: StepFacts = {
    outcome: "in-doubt",
    attempts: [...earlierFacts(invocation, row.attempt), factOfRow(row)],
    artifacts: storedArtifacts(lane, invocation),
    detail: { attempt: row.attempt, reason },
  };
  const where = placeOf(lane, state, step, invocation);
  const entry = stepEntry(where, "step-in-doubt", decidedCall(lane, row), row.gateRecord, facts);
  return appendDecided(lane, state, basis, entry);
}

/** Records that a step waits at a gate; once for each action that it would wait with, and each gate. */
export async function pauseStep(
  lane: Lane,
  state: RunState,
  basis: Basis,
  step: StepState,
  invocation: InvocationState,
  gated: GatedStep,
  record: Pinned,
): Promise<Progress> {
  const waits = gated.record.gates.at(-1)?.gate;
  const { phase, action } = invocation;
  if (phase === "paused" && action?.digest === gated.record.actionDigest && action.waits.gate === waits)
    return "waits";
  const expiresAt = waits === "approval" ? expiryOf(lane, gated) : overdueAt(lane, gated);
  const entry = stepEntry(placeOf(lane, state, step, invocation), "step-paused", gated, record.digest, {
    outcome: "paused",
    attempts: [],
    artifacts: [],
    detail: { actionDigest: gated.record.actionDigest, ...(expiresAt === undefined ? {} : { expiresAt }) },
  });
  const progress = await appendDecided(lane, state, basis, entry, { documents: [record] });
  return progress === "moved" ? "waits" : progress;
}

/** Ends a step that a gate denied; nothing was called. */
export function denyStep(
  lane: Lane,
  state: RunState,
  basis: Basis,
  step: StepState,
  invocation: InvocationState,
  gated: GatedStep,
  record: Pinned,
): Promise<Progress> {
  const facts: StepFacts = { outcome: "denied", attempts: [], artifacts: [] };
  const where = placeOf(lane, state, step, invocation);
  const entry = stepEntry(where, "step-denied", gated, record.digest, facts);
  return appendDecided(lane, state, basis, entry, { documents: [record] });
}

/** Denies a step whose action could not even be described: its inputs, expressions or secrets do not hold. */
export function refuseStep(
  lane: Lane,
  state: RunState,
  basis: Basis,
  step: StepState,
  invocation: InvocationState | undefined,
  reason: string,
  faults: readonly string[],
): Promise<Progress> {
  const detail = { reason, faults: [...faults] };
  const entry: Entry = {
    event: "step-denied",
    subject: detailSubject(detail),
    predicate: {
      ...runParts(state.document, lane.origin, isLab(lane, state)),
      ...stepParts(step, invocation),
      detail,
    },
  };
  return appendDecided(lane, state, basis, entry);
}

/** The call that an attempt was dispatched for, from its gate record. */
export function decidedCall(lane: Lane, row: DispatchRow): DecidedCall {
  const record = lane.states.readGateRecord(row.gateRecord);
  const contract = lane.pinned.read("contract", record.action.contract.digest);
  return {
    record,
    contract,
    contractDigest: record.action.contract.digest as Digest,
  };
}

function eventOf({ exit }: AttemptFact): "step-executed" | "step-failed" | "step-in-doubt" {
  if (exit === "in-doubt") return "step-in-doubt";
  return exit === "executed" ? "step-executed" : "step-failed";
}

function outcomeOf({
  exit,
  errorClass,
  side,
}: AttemptFact): Pick<StepFacts, "outcome" | "errorClass" | "side"> {
  return {
    outcome: exit,
    ...(errorClass === undefined ? {} : { errorClass }),
    ...(side === undefined ? {} : { side }),
  };
}

function earlierFacts(invocation: InvocationState, before: number): AttemptFact[] {
  return invocation.attempts.filter(({ attempt }) => attempt < before).map(factOfRow);
}

/** What earlier attempts captured; it was stored when they ended. */
function storedArtifacts(lane: Lane, invocation: InvocationState): StepFacts["artifacts"] {
  if (invocation.attempts.length <= 1 && invocation.attempts[0]?.ended === undefined) return [];
  return artifactsOf(lane, invocation);
}

/** What all attempts captured so far, as it is stored. */
export function artifactsOf(lane: Lane, invocation: InvocationState): StepFacts["artifacts"] {
  const [row] = invocation.attempts;
  const stored = row === undefined ? [] : lane.store.artifacts(row.run);
  return stored.filter((one) => one.invocation === invocation.id).map(({ artifact }) => artifact);
}

function expiryOf(lane: Lane, gated: GatedStep): string | undefined {
  const rule = gated.action.approvalRule;
  if (typeof rule !== "object" || rule.expiresIn === undefined) return undefined;
  return utcFromMillis(lane.clock() + millisOfDuration(rule.expiresIn));
}

/** When an answer or a webhook comes too late. */
function overdueAt(lane: Lane, { awaited }: GatedStep): string | undefined {
  if (awaited === undefined || awaited.what === "time" || awaited.within === undefined) return undefined;
  return utcFromMillis(lane.clock() + millisOfDuration(awaited.within));
}
