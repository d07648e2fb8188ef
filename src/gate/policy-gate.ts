import type { GateDecision } from "../contract/gate-record.ts";
import type { GateFacts } from "./facts.ts";
import { allow, deny } from "./gate-decision.ts";
import { policyRequest } from "./policy-request.ts";

export const reasons = [
  /** Cedar decided against it: a `forbid` applied, or no `permit` did. */
  "policy-denied",
  /** A policy or the request erred. An erring `forbid` is skipped by Cedar, so any error is a denial. */
  "policy-error",
] as const;
type Reason = (typeof reasons)[number];

/** Gate 6: Cedar allows the request without any error. */
export function policyGate(facts: GateFacts): GateDecision {
  const request = policyRequest(facts, "invoke");
  const { decision, determining, errors } = facts.policy.decide(request);
  const seen = {
    principal: { id: request.principal.id, ...request.principal.attributes },
    resource: { id: request.resource.id, ...request.resource.attributes },
    context: request.context,
    determining,
  };
  const no = (reason: Reason, more = {}) => deny("policy", reason, { ...seen, ...more });
  if (errors.length > 0) return no("policy-error", { errors });
  return decision === "allow" ? allow("policy", seen) : no("policy-denied");
}
