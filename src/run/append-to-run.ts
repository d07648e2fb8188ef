import { runStream } from "../ledger/streams.ts";
import { appendReceipt, type Entry } from "./append-receipt.ts";
import type { Lane } from "./lane.ts";
import type { InvocationState, RunState, StepState } from "./run-state.ts";
import type { Change } from "./store.ts";

/** What became of a command: the record has moved, the run waits, or somebody else moved it first. */
export type Progress = "moved" | "waits" | "contended";

type Beside = Omit<Change, "append" | "openRun" | "closeRun" | "fence">;

/** What a decision about a run was made on: the head of its stream and its dispatches at that moment. */
export type Basis = NonNullable<Change["fence"]>;

/** Takes the basis of a decision, before anything is awaited: the fold itself is brought forward meanwhile. */
export function basisOf(state: RunState): Basis {
  const { run } = state.document;
  return { run, stream: runStream(run), head: state.head, dispatches: state.dispatches };
}

/** Appends to the run's stream, as long as nothing has moved since the decision was made. */
export async function appendDecided(
  lane: Lane,
  state: RunState,
  basis: Basis,
  entry: Entry,
  change: Beside = {},
): Promise<"moved" | "contended"> {
  const result = await appendReceipt(lane, basis.stream, entry, {
    change: { ...change, fence: basis },
    genesis: state.opened,
    onHead: basis.head ?? "empty",
  });
  return result.ok ? "moved" : "contended";
}

/** Where a step's receipt belongs. */
export function placeOf(lane: Lane, state: RunState, step: StepState, invocation: InvocationState) {
  return { state, step, invocation, origin: lane.origin, lab: isLab(lane, state) };
}

/** Whether the run's engagement is a lab. */
export function isLab(lane: Lane, state: RunState): boolean {
  return lane.pinned.read("engagement", state.document.engagement.digest).environment === "lab";
}
