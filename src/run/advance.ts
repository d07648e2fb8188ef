import { decideWhen, expandForEach } from "../contract/step-inputs.ts";
import { engagementStream } from "../ledger/streams.ts";
import { appendReceipt, detailSubject, type Entry } from "./append-receipt.ts";
import { appendDecided, basisOf, isLab, type Progress } from "./append-to-run.ts";
import { confirmingOf } from "./confirming.ts";
import { endFailed, refuseStep } from "./end-step.ts";
import { escalateStep } from "./escalate-step.ts";
import type { Lane } from "./lane.ts";
import { type Command, next, type RunOutcome, readBackOf } from "./next.ts";
import { performStep } from "./perform-step.ts";
import { readBack } from "./read-back.ts";
import { runParts, stepParts } from "./receipt-entry.ts";
import { RunError } from "./run-error.ts";
import type { InvocationState, RunState, StepState } from "./run-state.ts";
import { finishStep, settleStep } from "./settle-step.ts";
import { stepContext } from "./step-context.ts";
import { isBehind, waitForClock } from "./wait-for-clock.ts";

const MAX_CONTENDED = 100;
/** How far a clock may be set back until a run stops instead of waiting, in milliseconds. */
const MAX_CLOCK_WAIT_MS = 5000;

/**
 * Drives a run: folds what is recorded, performs one command, appends, and repeats until the run waits or
 * ends (design section 13). Safe to call twice and from two processes: the slower writer loses and folds
 * again.
 *
 * @param onMove called after each command that moved the record, for progress.
 * @returns the run where it waits or has ended.
 */
export function advance(lane: Lane, run: string, onMove?: (state: RunState) => void): Promise<RunState> {
  const driving = lane.driving.get(run);
  if (driving !== undefined) return driving.then(() => advance(lane, run, onMove));
  const drive = driveRun(lane, run, onMove).finally(() => lane.driving.delete(run));
  lane.driving.set(run, drive);
  return drive;
}

async function driveRun(lane: Lane, run: string, onMove?: (state: RunState) => void): Promise<RunState> {
  // Gates run again after every pause: each paused invocation is decided anew once per drive.
  const asked = new Set<string>();
  for (let contended = 0; contended < MAX_CONTENDED; ) {
    let state = lane.states.load(run);
    if (isBehind(lane, state.lastTime)) {
      await waitForClock(lane, state.lastTime, MAX_CLOCK_WAIT_MS, `run \`${run}\``);
      state = lane.states.load(run);
    }
    // From here to the first append nothing is awaited that could move the fold unnoticed.
    const command = next(state, {
      asked,
      cancelRequested: lane.store.status(`run:${run}`) === "cancel-requested",
      confirming: (invocation) => confirmingOf(lane, invocation).is,
    });
    if (command.do === "wait" || command.do === "end" || lane.signal.aborted) return state;
    const progress = await perform(lane, state, command);
    if (progress === "waits") {
      if (command.do !== "attempt") return lane.states.load(run);
      asked.add(command.invocation.id);
    } else if (progress === "contended") {
      contended += 1;
      lane.states.drop(run);
    } else {
      contended = 0;
      if (command.do === "read-back") asked.add(readBackOf(command.invocation.id));
      onMove?.(state);
    }
  }
  throw new RunError({
    code: "RUN_CONTENDED",
    message: `run \`${run}\` is being changed by other processes`,
    hint: "witnessops run resume",
  });
}

function perform(lane: Lane, state: RunState, command: Command): Promise<Progress> {
  switch (command.do) {
    case "attempt":
      return attempt(lane, state, command.step, command.invocation);
    case "settle":
      return settleStep(lane, state, command.step, command.invocation);
    case "read-back":
      return readBack(lane, state, command.step, command.invocation);
    case "finish":
      return finishStep(lane, state, command.step, command.invocation);
    case "fail":
      return endFailed(lane, state, basisOf(state), command.step, command.invocation, command.attempt);
    case "escalate":
      return escalateStep(lane, state, command.step, command.invocation);
    case "expand":
      return expand(lane, state, command.step);
    case "skip":
      return note(lane, state, command.step, undefined, "step-skipped", {
        reason: command.reason,
        needs: command.needs,
      });
    case "cancel":
      return note(lane, state, command.step, command.invocation, "step-cancelled", {
        reason: command.reason,
      });
    case "close":
      return close(lane, state, command.outcome);
    default:
      return Promise.resolve("waits");
  }
}

/** An invocation that was not tried yet: `when` is decided before anything else is. */
async function attempt(
  lane: Lane,
  state: RunState,
  step: StepState,
  invocation: InvocationState,
): Promise<Progress> {
  if (step.definition.forEach === undefined && invocation.action === undefined) {
    const skipped = await skipUnlessWhen(lane, state, step);
    if (skipped !== undefined) return skipped;
  }
  return performStep(lane, state, step, invocation);
}

async function expand(lane: Lane, state: RunState, step: StepState): Promise<Progress> {
  const skipped = await skipUnlessWhen(lane, state, step);
  if (skipped !== undefined) return skipped;
  const expanded = expandForEach(step.definition, stepContext(state));
  if (!expanded.ok)
    return refuseStep(lane, state, basisOf(state), step, undefined, "for-each-refused", expanded.faults);
  const keys = expanded.elements.map(({ key }) => key);
  const elements = expanded.elements.map(({ element }) => element);
  return note(lane, state, step, undefined, "step-expanded", { keys, elements });
}

async function skipUnlessWhen(lane: Lane, state: RunState, step: StepState): Promise<Progress | undefined> {
  const when = decideWhen(step.definition, stepContext(state));
  if (!when.ok) return refuseStep(lane, state, basisOf(state), step, undefined, "when-failed", when.faults);
  if (when.holds) return undefined;
  return note(lane, state, step, undefined, "step-skipped", { reason: "when", when: step.definition.when });
}

/** A step event that is about nothing but its own detail. */
async function note(
  lane: Lane,
  state: RunState,
  step: StepState,
  invocation: InvocationState | undefined,
  event: "step-skipped" | "step-cancelled" | "step-expanded",
  detail: Readonly<Record<string, unknown>>,
): Promise<Progress> {
  const entry: Entry = {
    event,
    subject: detailSubject(detail),
    predicate: {
      ...runParts(state.document, lane.origin, isLab(lane, state)),
      ...stepParts(step, invocation),
      detail: { ...detail },
    },
  };
  return appendDecided(lane, state, basisOf(state), entry);
}

async function close(lane: Lane, state: RunState, outcome: RunOutcome): Promise<Progress> {
  const { document, head } = state;
  const detail = { run: document.run, head: head ?? null, count: state.receipts, outcome };
  const entry: Entry = {
    event: "run-closed",
    subject: detailSubject(detail),
    predicate: { ...runParts(document, lane.origin, isLab(lane, state)), detail },
  };
  const result = await appendReceipt(lane, engagementStream(document.engagement.id), entry, {
    change: {
      closeRun: document.run,
      fence: basisOf(state),
    },
  });
  return result.ok ? "moved" : "contended";
}
