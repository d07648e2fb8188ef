import { advance } from "./advance.ts";
import type { Lane } from "./lane.ts";
import { RunError } from "./run-error.ts";
import type { RunState } from "./run-state.ts";

/**
 * Asks for a run to be cancelled and drives it to its end. A call under way is not interrupted: its outcome is
 * recorded, then the remaining steps are receipted as cancelled. Doubt is not cancelled away.
 *
 * @throws RunError `RUN_UNKNOWN`, `RUN_CLOSED`.
 */
export async function cancelRun(lane: Lane, run: string): Promise<RunState> {
  if (lane.states.load(run).closed !== undefined) {
    throw new RunError({
      code: "RUN_CLOSED",
      message: `run \`${run}\` has ended`,
      hint: `witnessops run show ${run}`,
    });
  }
  await lane.store.commit({ status: [{ subject: `run:${run}`, status: "cancel-requested" }] });
  // Another process may have dispatched without a receipt since the fold was made.
  lane.states.drop(run);
  return advance(lane, run);
}
