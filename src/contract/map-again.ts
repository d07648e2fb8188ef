import { isJsonObject, type JsonObject } from "../format/json.ts";
import type { Contract } from "./contract.ts";
import { faultText } from "./fault.ts";
import { classifyError, mapOutputs } from "./map-result.ts";

/** What a contract makes of a result that was captured before. */
export type MappedAgain =
  | { readonly exit: "executed"; readonly outputs: JsonObject }
  | { readonly exit: "failed"; readonly errorClass: string; readonly side: string }
  | { readonly exit: "faulty"; readonly faults: readonly string[] };

/**
 * Maps a captured result with a contract as it stands now: its outputs, or the class of its error. Pure.
 *
 * @param captured the artifact `result` of an attempt: `{result}` or `{error}`.
 */
export function mapAgain(contract: Contract, inputs: JsonObject, captured: JsonObject): MappedAgain {
  const { result, error } = captured;
  if (isJsonObject(error) && typeof error.code === "string") {
    const { errorClass, side } = classifyError(contract, inputs, { ...error, code: error.code });
    return { exit: "failed", errorClass, side };
  }
  if (!isJsonObject(result)) return { exit: "faulty", faults: ["what was captured is no result"] };
  const mapped = mapOutputs(contract, inputs, result);
  return mapped.ok
    ? { exit: "executed", outputs: { ...mapped.outputs } }
    : { exit: "faulty", faults: mapped.faults.map(faultText) };
}
