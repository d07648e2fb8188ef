import type { PolicySet } from "../contract/policy-set.ts";
import { canonicalJson } from "../format/canonical-json.ts";
import { digestOfJson } from "../format/digest.ts";
import { type Cedar, loadCedar } from "./cedar.ts";
import { cedarLanguageVersion } from "./cedar-language.ts";
import { faultsOf } from "./check-policies.ts";
import type { PolicyDecider, PolicyDecision, PolicyRequest } from "./facts.ts";
import { GateError } from "./gate-error.ts";

/**
 * Opens a policy set: checks all of it, hands it to Cedar once, and returns the function that decides.
 *
 * Deciding is synchronous and never throws. Equal requests are decided once. Whatever goes wrong is a denial
 * with an error: a policy that errs (Cedar skips it, even a `forbid`), a request that does not fit the schema, a
 * call that the engine refuses.
 *
 * @param options.remember how many decisions are kept. Default 10,000.
 * @throws GateError `POLICY_LANGUAGE_UNSUPPORTED` when the set is written for another language version,
 *   `POLICIES_INVALID` with all faults.
 */
export async function openPolicies(
  set: PolicySet,
  { remember = 10_000 }: { readonly remember?: number } = {},
): Promise<PolicyDecider> {
  const cedar = await loadCedar();
  checkLanguage(cedar, set);
  const id = digestOfJson(set);
  // The engine keeps what it parsed: a set that was found good, by its digest, is not looked at twice.
  if (!good.has(id)) {
    check(cedar, set);
    preparse(cedar, id, set);
    if (good.size >= MAX_GOOD) good.clear();
    good.add(id);
  }
  return memoised((request) => decide(cedar, id, request), remember);
}

const MAX_GOOD = 256;
const good = new Set<string>();

function check(cedar: Cedar, set: PolicySet): void {
  const faults = faultsOf(cedar, set);
  if (faults.length > 0) {
    const [first] = faults;
    throw new GateError({
      code: "POLICIES_INVALID",
      message: `the policies are not valid: \`${first?.policy}\`: ${first?.message}`,
      hint: faults.length > 1 ? `${faults.length - 1} more faults` : "fix the policy and try again",
      faults,
    });
  }
}

function checkLanguage(cedar: Cedar, set: PolicySet): void {
  const engine = cedar.getCedarLangVersion();
  for (const version of [engine, set.language.version]) {
    if (version === cedarLanguageVersion()) continue;
    throw new GateError({
      code: "POLICY_LANGUAGE_UNSUPPORTED",
      message: `Cedar \`${version}\` is not the version that decides here, \`${cedarLanguageVersion()}\``,
      hint: "decide with a release of WitnessOps that has this version",
    });
  }
}

// The engine keeps what it parsed under a name; the name is the digest, so that no two sets can meet.
function preparse(cedar: Cedar, id: string, set: PolicySet): void {
  for (const answer of [
    cedar.preparseSchema(id, set.schema),
    // A record, not a list or one text: only then do policies keep their ids in diagnostics.
    cedar.preparsePolicySet(id, { staticPolicies: { ...set.policies } }),
  ]) {
    if (answer.type === "success") continue;
    const faults = answer.errors.map(({ message }) => ({ policy: "schema", message }));
    throw new GateError({ code: "POLICIES_INVALID", message: "the policies do not parse", faults });
  }
}

function decide(cedar: Cedar, id: string, request: PolicyRequest): PolicyDecision {
  type Attributes = Parameters<Cedar["statefulIsAuthorized"]>[0]["context"];
  try {
    const principal = { type: "Principal", id: request.principal.id };
    const resource = { type: "Contract", id: request.resource.id };
    const answer = cedar.statefulIsAuthorized({
      principal,
      action: { type: "Action", id: request.action },
      resource,
      context: request.context as Attributes,
      entities: [
        { uid: principal, attrs: request.principal.attributes as Attributes, parents: [] },
        { uid: resource, attrs: request.resource.attributes as Attributes, parents: [] },
      ],
      preparsedSchemaName: id,
      preparsedPolicySetId: id,
      validateRequest: true,
    });
    if (answer.type === "failure") return denied(answer.errors.map(({ message }) => message));
    const { decision, diagnostics } = answer.response;
    const errors = diagnostics.errors.map(({ policyId, error }) => `${policyId}: ${error.message}`).sort();
    return freeze({
      decision: errors.length > 0 ? "deny" : decision,
      determining: [...diagnostics.reason].sort(),
      errors,
    });
  } catch (cause) {
    return denied([`the engine refused the request: ${String(cause)}`]);
  }
}

function memoised(decide: (request: PolicyRequest) => PolicyDecision, remember: number): PolicyDecider {
  const known = new Map<string, PolicyDecision>();
  return Object.freeze({
    decide(request: PolicyRequest): PolicyDecision {
      let key: string;
      try {
        key = canonicalJson(request);
      } catch {
        return denied(["the request is not JSON"]);
      }
      const before = known.get(key);
      if (before !== undefined) return before;
      const decision = decide(request);
      // A Map iterates in the order of insertion: the oldest goes first.
      if (known.size >= remember) known.delete(known.keys().next().value ?? "");
      if (remember > 0) known.set(key, decision);
      return decision;
    },
  });
}

function denied(errors: readonly string[]): PolicyDecision {
  return freeze({ decision: "deny", determining: [], errors });
}

function freeze(decision: PolicyDecision): PolicyDecision {
  Object.freeze(decision.determining);
  Object.freeze(decision.errors);
  return Object.freeze(decision);
}
