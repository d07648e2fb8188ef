import type { JsonObject } from "../format/json.ts";
import type { Lane } from "./lane.ts";
import type { InvocationState } from "./run-state.ts";

/** The inputs of the action whose attempt is in doubt, from the gate record that it was dispatched with. */
export function inputsInDoubt(lane: Lane, { attempts }: InvocationState): JsonObject {
  const last = attempts.at(-1);
  if (last === undefined) return {};
  return lane.states.readGateRecord(last.gateRecord).action.inputs as JsonObject;
}
