import type { JsonObject } from "../format/json.ts";
import { compileCel } from "./cel.ts";
import { evaluateTree } from "./cel-tree.ts";
import type { Contract } from "./contract.ts";
import { compileDataSchema } from "./data-schema.ts";
import type { Fault } from "./fault.ts";
import { reservedClassOf, reservedErrors, sideOfUndeclared } from "./reserved-errors.ts";
import type { Side } from "./vocabulary.ts";

/** A contract's outputs, or why the result does not give them. */
export type MappedOutputs =
  | { readonly ok: true; readonly outputs: JsonObject }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/** The class of an error, whose side it is, and whether it may be tried again. */
export interface ErrorVerdict {
  readonly errorClass: string;
  readonly side: Side;
  readonly retryable: boolean;
}

/**
 * Maps an adapter's result to the contract's outputs by `execution.outputs` (CEL) and checks them against
 * the `outputs` schema. Pure: the wrapper and the verifier get the same from the same `result` artifact.
 */
export function mapOutputs(contract: Contract, inputs: JsonObject, result: JsonObject): MappedOutputs {
  const mapped = evaluateTree(contract.execution.outputs, ["inputs", "result"], { inputs, result });
  if (!mapped.ok) return { ok: false, faults: mapped.faults };
  const faults = compileDataSchema(contract.outputs).check(mapped.value);
  return faults.length > 0 ? { ok: false, faults } : { ok: true, outputs: mapped.value };
}

/**
 * Classifies an error: the first `errors[].when` that is true wins; then the reserved classes by `code`;
 * else `UNDECLARED_ERROR`. A `when` that fails (it reads a fact this error does not have) is not true.
 * `EGRESS_REFUSED` and `SIZE_EXCEEDED` are decided by us and cannot be renamed by a contract.
 */
export function classifyError(
  contract: Contract,
  inputs: JsonObject,
  error: JsonObject & { readonly code: string },
): ErrorVerdict {
  if (!OURS.has(error.code)) {
    for (const declared of contract.errors) {
      const compiled = compileCel(declared.when, ["error", "inputs"]);
      const result = compiled.ok ? compiled.program.evaluate({ inputs, error }) : compiled;
      if (result.ok && result.value === true) {
        return { errorClass: declared.class, side: declared.side, retryable: declared.retryable };
      }
    }
  }
  const verdict = reservedVerdict(reservedClassOf(error));
  return verdict.errorClass === "UNDECLARED_ERROR"
    ? { ...verdict, side: sideOfUndeclared(error.code) }
    : verdict;
}

/** The verdict of a reserved class, e.g. `OUTPUT_CONTRACT_VIOLATION`. */
export function reservedVerdict(errorClass: string): ErrorVerdict {
  const reserved = reservedErrors[errorClass];
  if (reserved === undefined) throw new RangeError(`\`${errorClass}\` is not a reserved error class`);
  return { errorClass, side: reserved.side, retryable: reserved.retryable };
}

const OURS = new Set(["EGRESS_REFUSED", "SIZE_EXCEEDED", "EVIDENCE_INCOMPLETE", "OUTPUT_CONTRACT_VIOLATION"]);
