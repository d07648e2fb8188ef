import type { Adapter } from "../../adapter/adapter.ts";
import { takeGiven } from "../../adapter/take-given.ts";
import { manualParameters } from "../../contract/awaited.ts";

/** A task that a person does: the step waits for their signed answer to its form, and gives that on. Calls nobody. */
export const manual: Adapter = {
  id: "manual",
  version: "1.0.0",
  egress: "none",
  isolation: "in-process",
  parameters: manualParameters,
  run: (call) => takeGiven(call, "a person's signed answer"),
};
