import type { Adapter } from "../../adapter/adapter.ts";
import { takeGiven } from "../../adapter/take-given.ts";
import { waitParameters } from "../../contract/awaited.ts";

/** Waits for a time, or for a signed webhook that names the invocation, and gives that on. Calls nobody. */
export const wait: Adapter = {
  id: "wait",
  version: "1.0.0",
  egress: "none",
  isolation: "in-process",
  parameters: waitParameters,
  run: (call) => takeGiven(call, "what was waited for"),
};
