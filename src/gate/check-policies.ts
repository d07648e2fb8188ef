import type { PolicySet } from "../contract/policy-set.ts";
import { type Cedar, loadCedar } from "./cedar.ts";
import type { PolicyFault } from "./gate-error.ts";

interface DetailedError {
  readonly message: string;
  readonly help: string | null;
  readonly related?: readonly DetailedError[];
}

/**
 * Every fault of a policy set: a schema or policy that does not parse, an entry that is not exactly one
 * policy, a policy that does not fit the schema. Warnings count as faults: a policy that can never apply looks
 * like protection and is none.
 *
 * Cedar's `validate` reports `success` with errors inside when the policies parse but do not fit: both places
 * are read.
 */
export async function checkPolicies(set: PolicySet): Promise<readonly PolicyFault[]> {
  return faultsOf(await loadCedar(), set);
}

/** As `checkPolicies`, with an engine that is loaded. */
export function faultsOf(cedar: Cedar, set: PolicySet): readonly PolicyFault[] {
  // One call tells whether anything is wrong at all. What it is takes several, which a short command would notice.
  return isValid(cedar, set) ? [] : listFaults(cedar, set);
}

function isValid(cedar: Cedar, set: PolicySet): boolean {
  try {
    const answer = cedar.validate({ schema: set.schema, policies: { staticPolicies: { ...set.policies } } });
    if (answer.type === "failure") return false;
    const { validationErrors, validationWarnings, otherWarnings } = answer;
    return validationErrors.length + validationWarnings.length + otherWarnings.length === 0;
  } catch {
    return false;
  }
}

function listFaults(cedar: Cedar, set: PolicySet): readonly PolicyFault[] {
  const faults: PolicyFault[] = [];
  try {
    const schema = cedar.checkParseSchema(set.schema);
    if (schema.type === "failure") {
      for (const error of schema.errors) faults.push({ policy: "schema", message: messageOf(error) });
    }
    for (const [id, text] of Object.entries(set.policies)) {
      const parsed = cedar.policyToJson(text);
      if (parsed.type === "success") continue;
      for (const error of parsed.errors) faults.push({ policy: id, message: messageOf(error) });
    }
    if (faults.length > 0) return faults;

    const answer = cedar.validate({ schema: set.schema, policies: { staticPolicies: { ...set.policies } } });
    if (answer.type === "failure") {
      return answer.errors.map((error) => ({ policy: "schema", message: messageOf(error) }));
    }
    for (const { policyId, error } of [...answer.validationErrors, ...answer.validationWarnings]) {
      faults.push({ policy: policyId, message: messageOf(error) });
    }
    for (const error of answer.otherWarnings) faults.push({ policy: "schema", message: messageOf(error) });
  } catch (cause) {
    faults.push({ policy: "schema", message: `the engine refused the set: ${String(cause)}` });
  }
  return faults.sort(byPolicy);
}

function messageOf(error: DetailedError): string {
  const related = (error.related ?? []).map((one) => messageOf(one));
  return [error.message, ...related, ...(error.help === null ? [] : [error.help])].join("; ");
}

function byPolicy(a: PolicyFault, b: PolicyFault): number {
  return a.policy < b.policy ? -1 : a.policy > b.policy ? 1 : 0;
}
