import { CodedError } from "../format/coded-error.ts";
import { advance } from "./advance.ts";
import type { Lane } from "./lane.ts";

/** What a halt left of an engagement's runs. */
export interface StoppedRuns {
  /** Runs that have ended by now. */
  readonly ended: readonly string[];
  /** Runs that another process drives, or that wait for somebody to settle a doubt or a held step. */
  readonly left: readonly string[];
}

/**
 * Takes up every open run of an engagement that was halted or closed, so that its gates deny what waited and a receipt
 * says so. A call under way elsewhere is stopped by the process that makes it.
 */
export async function stopEngagement(lane: Lane, engagement: string): Promise<StoppedRuns> {
  const ended: string[] = [];
  const left: string[] = [];
  for (const { run } of lane.store.runs({ openOnly: true })) {
    if (lane.states.load(run).document.engagement.id !== engagement) continue;
    try {
      const state = await advance(lane, run);
      (state.closed === undefined ? left : ended).push(run);
    } catch (error) {
      // One run that cannot be taken up now leaves the others to be stopped; the gates deny it later too.
      if (!(error instanceof CodedError)) throw error;
      left.push(run);
    }
  }
  return { ended, left };
}
