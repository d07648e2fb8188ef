import { evaluateTree } from "../contract/cel-tree.ts";
import { checkSchema } from "../contract/check-schema.ts";
import { faultText, pathText } from "../contract/fault.ts";
import type { JsonObject } from "../format/json.ts";
import type { Fault, SecretValue } from "./adapter.ts";
import type { AttemptRequest } from "./attempt.ts";

/** What an adapter is called with, or the fault that kept the call from being made. */
export type Prepared =
  | { readonly ok: true; readonly with: JsonObject; readonly secrets: readonly SecretValue[] }
  | { readonly ok: false; readonly fault: Fault };

/** Variables of `execution.with`, sorted. */
export const WITH_VARIABLES = ["idempotencyKey", "inputs"] as const;

/**
 * Evaluates `execution.with` (CEL over `inputs` and `idempotencyKey`; an entry that is null counts as not
 * given), checks it against the adapter's parameters, and puts the secrets to their places.
 */
export function prepareCall(request: AttemptRequest): Prepared {
  const { adapter, contract, inputs, idempotencyKey } = request;
  const evaluated = evaluateTree(contract.execution.with, WITH_VARIABLES, { inputs, idempotencyKey });
  if (!evaluated.ok) return invalid(evaluated.faults.map(faultText));
  const parameters = Object.fromEntries(
    Object.entries(evaluated.value).filter(([, value]) => value !== null),
  );
  const faults = checkSchema(adapter.parameters, parameters);
  if (faults.length > 0)
    return invalid(faults.map(({ path, message }) => `\`${pathText(path)}\` ${message}`));
  const secrets: SecretValue[] = [];
  for (const { name, into } of contract.execution.secrets ?? []) {
    const value = request.secrets.get(name);
    if (value === undefined) {
      const message = `secret \`${name}\` was not resolved`;
      return { ok: false, fault: { code: "SECRET_MISSING", phase: "prepare", message } };
    }
    const { kind, name: place, scheme } = into;
    secrets.push({ name, value, into: { kind, name: place, ...(scheme === undefined ? {} : { scheme }) } });
  }
  return { ok: true, with: parameters, secrets };
}

function invalid(problems: readonly string[]): Prepared {
  const message = `\`execution.with\`: ${problems.join("; ")}`.slice(0, 2000);
  return { ok: false, fault: { code: "PARAMETERS_INVALID", phase: "prepare", message } };
}
