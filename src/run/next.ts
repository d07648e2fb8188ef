import { type FailedAttempt, failedAttempt } from "./attempt-facts.ts";
import type { Confirming } from "./confirming.ts";
import { type InvocationState, type RunState, type StepState, terminalPhases } from "./run-state.ts";

/** What is known beside the run itself. */
export interface Surroundings {
  /** A person asked for the run to be cancelled. */
  readonly cancelRequested: boolean;
  /** Since the run was taken up: paused invocations that still pause, and doubts that a read-back left. */
  readonly asked: ReadonlySet<string>;
  /** Whether a doubt can be settled by reading back, or is. */
  readonly confirming: (invocation: InvocationState) => Confirming["is"];
}

/** Why what is left of a run is cancelled. */
export type CancelReason = "stopped" | "requested" | "handed-over";
/** How a run ends. */
export type RunOutcome = "completed" | "stopped" | "cancelled" | "handed-over";

/** The one thing to do next. */
export type Command =
  | { readonly do: "attempt"; readonly invocation: InvocationState; readonly step: StepState }
  | { readonly do: "settle"; readonly invocation: InvocationState; readonly step: StepState }
  | { readonly do: "read-back"; readonly invocation: InvocationState; readonly step: StepState }
  | { readonly do: "finish"; readonly invocation: InvocationState; readonly step: StepState }
  | {
      readonly do: "fail";
      readonly invocation: InvocationState;
      readonly step: StepState;
      readonly attempt: FailedAttempt;
    }
  | { readonly do: "expand"; readonly step: StepState }
  | { readonly do: "skip"; readonly step: StepState; readonly reason: "needs"; readonly needs: string }
  | {
      readonly do: "cancel";
      readonly step: StepState;
      readonly invocation: InvocationState | undefined;
      readonly reason: CancelReason;
    }
  | { readonly do: "escalate"; readonly invocation: InvocationState; readonly step: StepState }
  | { readonly do: "close"; readonly outcome: RunOutcome }
  | { readonly do: "wait"; readonly for: readonly InvocationState[] }
  | { readonly do: "end" };

/**
 * Decides the next command from what is recorded: a pure function, the same record gives the same command
 * (design section 4). Steps run in order; one with `needs` may overtake a step that waits, when everything it
 * needs was executed.
 */
export function next(state: RunState, around: Surroundings): Command {
  if (state.closed !== undefined) return { do: "end" };
  const unsettled = firstUnsettled(state, around);
  if (unsettled !== undefined) return unsettled;
  const stopping = stopReason(state, around);
  if (stopping !== undefined) return cancelRest(state, stopping);

  const waiting: InvocationState[] = [];
  for (const step of state.steps) {
    if (isOver(step)) {
      const held = step.invocations?.filter((one) => isHeld(one, step)) ?? [];
      if (held.length === 0) continue;
      const untold =
        step.onFailure === "escalate" ? held.find(({ escalation }) => escalation === undefined) : undefined;
      return untold === undefined ? { do: "wait", for: held } : { do: "escalate", invocation: untold, step };
    }
    const readiness = readinessOf(state, step, waiting.length > 0);
    if (readiness === "later") continue;
    if (readiness !== "ready") return { do: "skip", step, reason: "needs", needs: readiness.unmet };
    if (step.invocations === undefined) return { do: "expand", step };
    for (const invocation of step.invocations) {
      const undecided = invocation.phase === "paused" && !around.asked.has(invocation.id);
      if (invocation.phase === "pending" || undecided) return { do: "attempt", invocation, step };
      if (invocation.phase === "paused" || invocation.phase === "in-doubt") waiting.push(invocation);
    }
  }
  return waiting.length > 0 ? { do: "wait", for: waiting } : { do: "close", outcome: "completed" };
}

/** An attempt without an end, a doubt that can be settled, or one that is, comes before anything new. */
function firstUnsettled(state: RunState, around: Surroundings): Command | undefined {
  for (const step of state.steps) {
    for (const invocation of step.invocations ?? []) {
      const { phase, id, readBacks } = invocation;
      if (phase === "dispatched") return { do: "settle", invocation, step };
      if (phase === "resolved") return { do: "finish", invocation, step };
      if (phase !== "in-doubt") continue;
      const confirming = around.confirming(invocation);
      if (confirming === "settled") return { do: "finish", invocation, step };
      // One that another process is at is not begun a second time.
      const reading = readBacks.some((one) => one.phase === "dispatched");
      if (confirming === "possible" && (reading || !around.asked.has(readBackOf(id))))
        return { do: "read-back", invocation, step };
    }
  }
  return undefined;
}

/** How the set of what was asked since the run was taken up names the read-back of an invocation. */
export function readBackOf(invocation: string): string {
  return `read-back of ${invocation}`;
}

function stopReason(state: RunState, around: Surroundings): CancelReason | undefined {
  if (around.cancelRequested) return "requested";
  if (state.steps.some((step) => step.invocations?.some((one) => one.handedOver))) return "handed-over";
  for (const step of state.steps) {
    if (step.onFailure !== "stop") continue;
    if (step.invocations?.some((one) => one.phase === "failed" || one.phase === "denied")) return "stopped";
  }
  return undefined;
}

function cancelRest(state: RunState, reason: CancelReason): Command {
  const inDoubt: InvocationState[] = [];
  for (const step of state.steps) {
    if (step.invocations === undefined) return { do: "cancel", step, invocation: undefined, reason };
    for (const invocation of step.invocations) {
      const attempt = failedAttempt(invocation);
      const isOpen = invocation.phase === "pending" || invocation.phase === "paused";
      // A call that was made and failed ends as that, not as if there had been none.
      if (isOpen && attempt !== undefined) return { do: "fail", invocation, step, attempt };
      if (isOpen) return { do: "cancel", step, invocation, reason };
      if (invocation.phase === "in-doubt") inDoubt.push(invocation);
    }
  }
  // Doubt is never cancelled away: somebody has to say what happened before the run can close.
  if (inDoubt.length > 0) return { do: "wait", for: inDoubt };
  return { do: "close", outcome: reason === "requested" ? "cancelled" : reason };
}

function isOver(step: StepState): boolean {
  return step.invocations?.every((invocation) => terminalPhases.has(invocation.phase)) ?? false;
}

function isHeld(invocation: InvocationState, { onFailure }: StepState): boolean {
  if (invocation.phase !== "failed" && invocation.phase !== "denied") return false;
  return (onFailure === "hold" || onFailure === "escalate") && !invocation.released;
}

function readinessOf(
  state: RunState,
  step: StepState,
  earlierWaits: boolean,
): "ready" | "later" | { unmet: string } {
  const needs = step.definition.needs;
  if (needs === undefined) return earlierWaits ? "later" : "ready";
  for (const id of needs) {
    const needed = state.steps.find((candidate) => candidate.definition.id === id);
    if (needed === undefined) return { unmet: id };
    if (!isOver(needed)) return "later";
    if (!needed.invocations?.every((invocation) => invocation.phase === "executed")) return { unmet: id };
  }
  return "ready";
}
