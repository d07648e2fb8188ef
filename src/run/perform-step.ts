import { retryDelay } from "../adapter/retry-delay.ts";
import { EvidenceError } from "../evidence/evidence-error.ts";
import { needlesOf } from "../evidence/secret-forms.ts";
import { millisOf, utcFromMillis } from "../format/time.ts";
import { basisOf, type Progress } from "./append-to-run.ts";
import { failedAttempt, openAttempt } from "./attempt-facts.ts";
import { callAdapter, evidenceOf, type MadeAttempt } from "./call-adapter.ts";
import { dispatchAttempt } from "./dispatch-attempt.ts";
import { pinJson } from "./document-pin.ts";
import { denyStep, endFailed, endStep, leaveInDoubt, pauseStep, refuseStep } from "./end-step.ts";
import { applyDispatch } from "./fold-run.ts";
import { type GatedStep, gateStep } from "./gate-step.ts";
import type { Lane } from "./lane.ts";
import type { InvocationState, RunState, StepState } from "./run-state.ts";
import { sleepUnlessHalted } from "./watch-halt.ts";

/**
 * Takes one invocation through the governed path: gates, dispatch, adapter, artifacts, receipt (design
 * section 2). Gates are decided anew before each attempt, and each attempt is dispatched durably before it
 * leaves the process.
 *
 * Once an attempt was made, the step never ends as if there had been none: what stands against another
 * attempt then leaves it failed, or in doubt.
 */
export async function performStep(
  lane: Lane,
  state: RunState,
  step: StepState,
  invocation: InvocationState,
): Promise<Progress> {
  for (;;) {
    const basis = basisOf(state);
    const doubt = invocation.readBackOf?.doubt;
    // Others may have moved the run while a retry of a read-back waited.
    if (doubt !== undefined && doubt.phase !== "in-doubt") return "contended";
    const { decided, secrets } = await decide(lane, state, step, invocation);
    const isFree = decided.ok && decided.gated.record.decision === "allow" && secrets?.ok === true;
    if (!isFree) {
      const open = openAttempt(invocation);
      if (open !== undefined)
        return leaveInDoubt(lane, state, basis, step, invocation, open, "may-not-go-again");
      const failed = failedAttempt(invocation);
      if (failed !== undefined) return endFailed(lane, state, basis, step, invocation, failed);
    }
    if (!decided.ok) return refuseStep(lane, state, basis, step, invocation, "not-resolved", decided.faults);
    const { gated } = decided;
    const record = pinJson(gated.record);
    if (gated.record.decision === "pause")
      return pauseStep(lane, state, basis, step, invocation, gated, record);
    if (gated.record.decision === "deny")
      return denyStep(lane, state, basis, step, invocation, gated, record);
    if (secrets?.ok !== true) {
      return refuseStep(lane, state, basis, step, invocation, "secret-unavailable", secrets?.faults ?? []);
    }

    const at = utcFromMillis(lane.clock());
    if (isStale(gated, at)) continue;
    const row = await dispatchAttempt(lane, state, basis, step, invocation, gated, record, at);
    if (row === undefined) return "contended";
    const made = await callAdapter(lane, step, invocation, gated, row, secrets.values);
    const delay = retryAfter(step, gated, invocation, made);
    if (delay === undefined) return endStep(lane, state, step, invocation, gated, made);
    if (!(await keepFailure(lane, state, made))) return "contended";
    await sleepUnlessHalted(lane, state.document.engagement.id, delay);
    // The failure is kept: whoever takes the run up goes on from it.
    if (lane.signal.aborted) return "moved";
  }
}

/** Decides a step. Secrets can take long to come: the gates that let the call go are decided after them. */
async function decide(lane: Lane, state: RunState, step: StepState, invocation: InvocationState) {
  const n = (invocation.attempts.at(-1)?.attempt ?? 0) + 1;
  const decided = await gateStep(lane, state, step, invocation, n);
  if (!decided.ok || decided.gated.record.decision !== "allow") return { decided, secrets: undefined };
  const secrets = await resolveSecrets(lane, decided.gated);
  const needsSecrets = (decided.gated.contract.execution.secrets ?? []).length > 0;
  return needsSecrets
    ? { decided: await gateStep(lane, state, step, invocation, n), secrets }
    : { decided, secrets };
}

const MAX_DECISION_AGE_MS = 2000;

/** Whether what allowed a call may have ended between the decision and now; then it is decided anew. */
function isStale({ record, window, glassEnd }: GatedStep, at: string): boolean {
  const now = millisOf(at) ?? 0;
  const ends = [window.notAfter, ...record.approvals.map(({ notAfter }) => notAfter)];
  if (glassEnd !== undefined) ends.push(glassEnd);
  if (ends.some((end) => now > (millisOf(end) ?? 0))) return true;
  return now - (millisOf(record.decidedAt) ?? 0) > MAX_DECISION_AGE_MS;
}

/** Makes a failed attempt and its evidence durable before the pause until the next one. */
async function keepFailure(lane: Lane, state: RunState, made: MadeAttempt): Promise<boolean> {
  const { row, fact } = made;
  const { run, invocation, attempt } = row;
  const endAttempt = { run, invocation, attempt, ended: fact };
  const result = await lane.store.commit({ ...evidenceOf(made), endAttempt });
  if (result.ok) applyDispatch(state, { ...row, ended: fact });
  return result.ok;
}

async function resolveSecrets(
  lane: Lane,
  { contract }: GatedStep,
): Promise<{ ok: true; values: ReadonlyMap<string, string> } | { ok: false; faults: string[] }> {
  const values = new Map<string, string>();
  const faults: string[] = [];
  for (const { name, ref } of contract.execution.secrets ?? []) {
    const resolved = await lane.resolveSecret(ref);
    if (resolved.ok) values.set(name, resolved.value);
    else faults.push(`secret \`${name}\`: ${resolved.message}`);
  }
  // A value that evidence cannot be searched for is refused before anything is sent.
  try {
    needlesOf([...values.values()]);
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    faults.push(error.message);
  }
  return faults.length === 0 ? { ok: true, values } : { ok: false, faults };
}

/** Milliseconds until the next attempt, or undefined when there is none: a step may shorten retry, never extend it. */
function retryAfter(
  step: StepState,
  gated: GatedStep,
  invocation: InvocationState,
  { outcome, row }: MadeAttempt,
): number | undefined {
  if (outcome.exit !== "failed" || !outcome.retryable || outcome.errorClass === undefined) return undefined;
  if (gated.contract.execution.retry?.on.includes(outcome.errorClass) !== true) return undefined;
  const earlier = invocation.attempts.filter(({ attempt }) => attempt < row.attempt);
  const failures = earlier.filter(({ ended }) => ended?.exit === "failed").length + 1;
  if (failures >= (step.definition.retry?.attempts ?? Number.POSITIVE_INFINITY)) return undefined;
  return retryDelay(gated.contract, failures, outcome.retryAfterMs);
}
