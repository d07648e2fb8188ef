import { readBackStep } from "../contract/read-back.ts";
import { millisOfDuration } from "../format/duration.ts";
import { millisOf } from "../format/time.ts";
import type { Progress } from "./append-to-run.ts";
import { confirmOf } from "./confirming.ts";
import type { Lane } from "./lane.ts";
import { readLiveStatus } from "./live-status.ts";
import { performStep } from "./perform-step.ts";
import { addReadBack, type InvocationState, type RunState, type StepState } from "./run-state.ts";
import { settleStep } from "./settle-step.ts";
import { sleepUnlessHalted } from "./watch-halt.ts";

/**
 * Reads back what became of an attempt in doubt (design section 7): a call of its own, through the gates, with its
 * own receipt. Waits until the attempt must have ended, one way or the other.
 */
export async function readBack(
  lane: Lane,
  state: RunState,
  step: StepState,
  doubt: InvocationState,
): Promise<Progress> {
  const confirm = confirmOf(lane, doubt);
  const attempt = doubt.attempts.at(-1);
  if (confirm === undefined || attempt === undefined) return "waits";
  const reading: StepState = { ...step, definition: readBackStep(step.definition, confirm) };
  const last = doubt.readBacks.at(-1);
  if (last?.phase === "dispatched") return settleStep(lane, state, reading, last);
  const due = (millisOf(attempt.at) ?? 0) + millisOfDuration(confirm.after);
  const early = due - lane.clock();
  if (early > 0) {
    await sleepUnlessHalted(lane, state.document.engagement.id, early);
    // Others may have moved the run meanwhile. A halt needs no waiting for: the gates deny the read-back.
    const isOpen = readLiveStatus(lane.store, "", state.document.engagement.id).engagement === "open";
    if (lane.signal.aborted || isOpen || doubt.phase !== "in-doubt") return "contended";
  }
  // One whose attempt failed may go on with the next; otherwise this is a fresh one.
  return performStep(lane, state, reading, last?.phase === "pending" ? last : addReadBack(doubt));
}
