import { decideWhen, expandForEach } from "../contract/step-inputs.ts";
import { sameJson } from "../format/json.ts";
import type { Again } from "./again.ts";
import { checkRefusal } from "./check-refusal.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import type { WholeRun } from "./decide-call.ts";
import type { Receipt } from "./read-receipts.ts";
import { broken, isExecuted, isOver, type RunSoFar, type StepSoFar } from "./run-so-far.ts";

/** Decides again what led to a step's event: `when`, `forEach`, `needs`, order, and the stop after a failure. */
export function checkFlow(again: Again, run: WholeRun, soFar: RunSoFar, receipt: Receipt): void {
  const { predicate, digest } = receipt;
  const { event, detail } = predicate;
  const step = soFar.stepOf(receipt);
  // A read-back has no turn of its own: its step waits, in doubt.
  if (step === undefined || soFar.find(receipt)?.readBackOf !== undefined) return;
  const { definition } = step;
  const wrong = (message: string): void =>
    again.decisions.fail("FAILURE_DECISION_MISMATCH", `\`${definition.id}\`: ${message}`, {
      receipt: digest,
    });
  const phase = soFar.find(receipt)?.phase ?? "pending";

  switch (event) {
    case "step-expanded":
      checkExpansion(again, soFar, step, detail ?? {}, wrong);
      checkTurn(soFar, step, wrong);
      return;
    case "step-skipped":
      if (detail?.reason === "when") {
        const when = again.cel(() => decideWhen(definition, soFar.context(definition)));
        if (!when.ok || when.holds) wrong("it was skipped, and its `when` holds");
        checkTurn(soFar, step, wrong);
        return;
      }
      if (detail?.reason !== "needs" || !step.definition.needs?.some((id) => isMissed(soFar.steps.get(id))))
        wrong("it was skipped, and all it needs was executed");
      return;
    case "step-cancelled":
      if (detail?.reason === "requested") return;
      if (detail?.reason === "handed-over" && soFar.handedOver) return;
      if (detail?.reason !== "stopped" || stoppedBy(soFar) === undefined || soFar.cancelRequested)
        wrong("it was cancelled, and nothing had stopped the run");
      return;
    case "step-denied":
      if (predicate.invocation !== undefined) break;
      checkRefusal(again, run, soFar, definition, receipt, wrong);
      checkTurn(soFar, step, wrong);
      return;
    default:
      if (predicate.invocation === undefined) return;
  }
  if (phase !== "pending" && phase !== "paused") return;
  if (definition.forEach === undefined && phase === "pending" && definition.when !== undefined) {
    const when = again.cel(() => decideWhen(definition, soFar.context(definition)));
    if (!when.ok || !when.holds) wrong("it was called, and its `when` does not hold");
  }
  checkTurn(soFar, step, wrong);
}

function checkExpansion(
  again: Again,
  soFar: RunSoFar,
  { definition }: StepSoFar,
  detail: { readonly [member: string]: unknown },
  wrong: (message: string) => void,
): void {
  const when = again.cel(() => decideWhen(definition, soFar.context(definition)));
  if (!when.ok || !when.holds) wrong("it was expanded, and its `when` does not hold");
  const expanded = again.cel(() => expandForEach(definition, soFar.context(definition)));
  if (!expanded.ok) {
    wrong("its `forEach` does not expand");
    return;
  }
  const keys = expanded.elements.map(({ key }) => key);
  const elements = expanded.elements.map(({ element }) => element);
  if (!sameJson(keys, detail.keys) || !sameJson(elements, detail.elements))
    wrong("its `forEach` expands to other elements than recorded");
}

/** Whether it was the step's turn: what it needs has ended, nothing before it waits, and nothing stopped the run. */
function checkTurn(soFar: RunSoFar, step: StepSoFar, wrong: (message: string) => void): void {
  const { needs } = step.definition;
  const unmet = unmetNeed(soFar, step);
  if (unmet !== undefined) wrong(`it was taken up, and \`${unmet}\`, which it needs, was not executed`);
  for (const other of soFar.steps.values()) {
    const { id } = other.definition;
    if (broken(other) > 0 && other.onFailure === "stop")
      wrong(`it was taken up after \`${id}\` had stopped the run`);
    if (other.index >= step.index) continue;
    if (needs === undefined && waits(other))
      wrong(`it was taken up while \`${id}\`, which comes before it, waited`);
    if (isHeld(other)) wrong(`it was taken up while \`${id}\`, which comes before it, was held`);
  }
  if (soFar.cancelRequested) wrong("it was taken up after the run was cancelled");
  if (soFar.handedOver) wrong("it was taken up after the run was handed over");
}

/** Decides again how a closed run ended. */
export function checkOutcome(again: Again, run: ClaimedRun, soFar: RunSoFar): void {
  if (run.closed === undefined) return;
  const recorded = run.closed.predicate.detail?.outcome;
  const steps = [...soFar.steps.values()];
  const cancelled = steps.some(({ counts }) => (counts.get("cancelled") ?? 0) > 0);
  const stopped = stoppedBy(soFar) !== undefined;
  // That a person asked for the end of a run is the host's word: a last call may have ended after it.
  const due = soFar.cancelRequested
    ? "cancelled"
    : soFar.handedOver
      ? "handed-over"
      : stopped
        ? "stopped"
        : "completed";
  const fits = recorded === "cancelled" || recorded === due;
  const held = recorded === "completed" ? steps.find(isHeld) : undefined;
  if (fits && !(recorded === "completed" && cancelled) && held === undefined) return;
  const message =
    held === undefined
      ? `run \`${run.id}\` ended \`${due}\`, recorded is \`${String(recorded).slice(0, 40)}\``
      : `run \`${run.id}\` was completed while \`${held.definition.id}\` was held`;
  again.decisions.fail("FAILURE_DECISION_MISMATCH", message, { receipt: run.closed.digest });
}

/** The step whose failure stops the run, if one did. */
function stoppedBy(soFar: RunSoFar): string | undefined {
  for (const step of soFar.steps.values()) {
    if (step.onFailure === "stop" && broken(step) > 0) return step.definition.id;
  }
  return undefined;
}

/** A need that was not executed, or not yet. */
function unmetNeed(soFar: RunSoFar, { definition }: StepSoFar): string | undefined {
  return definition.needs?.find((id) => {
    const needed = soFar.steps.get(id);
    return needed === undefined || !isExecuted(needed);
  });
}

function isMissed(needed: StepSoFar | undefined): boolean {
  return needed === undefined || (isOver(needed) && !isExecuted(needed));
}

function waits({ counts }: StepSoFar): boolean {
  return (counts.get("paused") ?? 0) + (counts.get("in-doubt") ?? 0) > 0;
}

function isHeld(step: StepSoFar): boolean {
  const held = step.onFailure === "hold" || step.onFailure === "escalate";
  return held && isOver(step) && broken(step) > step.released;
}
