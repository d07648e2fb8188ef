import { advance } from "../run/advance.ts";
import type { Lane } from "../run/lane.ts";
import { invocationsOf, type RunState } from "../run/run-state.ts";
import { type RunView, viewRun } from "../run/view-run.ts";
import type { WorkspaceDefinitions } from "../store/workspace-definitions.ts";
import { refused } from "./cli-error.ts";
import type { Context } from "./command.ts";
import { newsOf, notify } from "./notify.ts";

/**
 * Drives a run until it waits or ends, says each change on stderr, and notifies of what is new.
 *
 * @param before the run as it was before; default: it has just begun.
 *
 * @throws CliError `REFUSED` when the process was asked to end; what was done by then is recorded.
 */
export async function driveRun(
  lane: Lane,
  definitions: WorkspaceDefinitions,
  run: string,
  context: Context,
  before?: RunView,
): Promise<RunView> {
  const tell = progressOf(context, lane.states.load(run));
  await advance(lane, run, (state) => {
    tell(state);
    if (lane.signal.aborted) {
      throw refused("interrupted: what was done is recorded", `witnessops run resume ${run}`);
    }
  });
  const view = viewRun(lane, run);
  await notify(lane, definitions, view, newsOf(before, view), context);
  return view;
}

/** Says each invocation's new phase once; what `known` shows already is not said. */
export function progressOf(context: Context, known?: RunState): (state: RunState) => void {
  const told = new Map<string, string>();
  for (const { id, phase } of known === undefined ? [] : invocationsOf(known)) told.set(id, phase);
  return (state) => {
    for (const { id, phase } of invocationsOf(state)) {
      if (phase === "pending" || told.get(id) === phase) continue;
      told.set(id, phase);
      context.progress(`${id.slice(id.indexOf("/") + 1)} ${phase}`);
    }
  };
}
