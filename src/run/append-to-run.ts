import { runStream } from "../ledger/streams.ts";
import { appendReceipt, type Entry } from "./append-receipt.ts";
import type { Lane } from "./lane.ts";
import type { InvocationState, RunState, StepState } from "./run-state.ts";
import type { Change } from "./store.ts";

/** What became of a command: the record has moved, the run waits, or somebody else moved it first. */
export type Progress = "moved" | "waits" | "contended";

type Beside = Omit<Change, "append" | "openRun" | "closeRun" | "fence">;

/** Appends to the run's stream, as long as nothing has moved since the decision was made. */
export async function appendDecided(
  lane: Lane,
  state: RunState,
  entry: Entry,
  change: Beside = {},
): Promise<"moved" | "contended"> {
  const result = await appendReceipt(lane, runStream(state.document.run), entry, {
    change: { ...change, fence: fenceOf(state) },
    genesis: state.opened,
    onHead: state.head ?? "empty",
  });
  return result.ok ? "moved" : "contended";
}

/** Appends to the run's stream wherever it stands by now: what has happened has happened. */
export async function appendHappened(
  lane: Lane,
  state: RunState,
  entry: Entry,
  change: Beside,
): Promise<"moved" | "contended"> {
  const options = { change, genesis: state.opened };
  const result = await appendReceipt(lane, runStream(state.document.run), entry, options);
  return result.ok ? "moved" : "contended";
}

/** What a decision about the run was made on. */
export function fenceOf(state: RunState): NonNullable<Change["fence"]> {
  const { run } = state.document;
  return { run, stream: runStream(run), head: state.head, dispatches: state.dispatches };
}

/** Where a step's receipt belongs. */
export function placeOf(lane: Lane, state: RunState, step: StepState, invocation: InvocationState) {
  return { state, step, invocation, origin: lane.origin, lab: isLab(lane, state) };
}

/** Whether the run's engagement is a lab. */
export function isLab(lane: Lane, state: RunState): boolean {
  return lane.pinned.read("engagement", state.document.engagement.digest).environment === "lab";
}
