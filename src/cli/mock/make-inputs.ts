import type { Contract } from "../../contract/contract.ts";
import { resolveAction } from "../../contract/resolve-action.ts";
import { checkContractInputs } from "../../contract/step-inputs.ts";
import { isJsonObject, type JsonObject } from "../../format/json.ts";
import { CliError } from "../cli-error.ts";
import type { Generator } from "./load-generator.ts";

/** How many values are tried before somebody has to say one. */
const TRIES = 40;

/** Inputs that a contract accepts, and what a call with them is about. */
export interface AcceptedInputs {
  readonly inputs: JsonObject;
  /** `kind:value`. */
  readonly subjects: readonly string[];
}

/**
 * Takes the inputs that were given and generates the others from the contract's schema, until the contract accepts them
 * and its scope can be computed from them.
 *
 * @throws CliError `INPUT_MALFORMED` with every fault of the last try.
 */
export function makeInputs(contract: Contract, given: JsonObject, generator: Generator): AcceptedInputs {
  let faults: readonly string[] = [];
  for (let seed = 1; seed <= TRIES; seed++) {
    const made = generator.generate(contract.inputs as JsonObject, seed);
    const found = acceptInputs(contract, { ...(isJsonObject(made) ? made : {}), ...given });
    if (!("faults" in found)) return found;
    faults = found.faults;
  }
  throw new CliError({
    code: "INPUT_MALFORMED",
    faults: faults.slice(1),
    message: faults[0] ?? "the inputs are not accepted",
    hint: "no generated inputs fit: give them with `--with <name=value>`",
  });
}

/** Whether a contract accepts these inputs, and what a call with them is about. Faults are all listed. */
export function acceptInputs(
  contract: Contract,
  given: JsonObject,
): AcceptedInputs | { readonly faults: readonly string[] } {
  const checked = checkContractInputs(contract, given);
  if (!checked.ok) return { faults: checked.faults };
  const action = resolveAction(contract, checked.inputs);
  if (!action.ok) return { faults: action.faults };
  const subjects = action.subjects.map(({ kind, value }) => `${kind}:${value}`);
  return { inputs: checked.inputs, subjects };
}
