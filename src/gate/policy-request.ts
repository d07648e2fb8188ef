import { referenceOf } from "../contract/contract.ts";
import type { ApprovalRule } from "../contract/vocabulary.ts";
import { effectivePrincipal } from "./effective-principal.ts";
import type { GateFacts, PolicyRequest } from "./facts.ts";

/** Actions that policies decide on, as `policies/schema.cedarschema` declares them. */
export type PolicyAction = "invoke" | "self-approve";

/**
 * Builds the Cedar request for an action. It holds no clock, nonce or run id: those are other gates' facts,
 * and without them equal requests are decided once (design section 13).
 *
 * @param principal who asks; default the requester. Roles are those that count in this engagement.
 */
export function policyRequest(
  facts: GateFacts,
  action: PolicyAction,
  principal: string = facts.action.requester,
): PolicyRequest {
  const { contract, adapter, engagement } = facts;
  const who = effectivePrincipal(facts, principal);
  return {
    principal: {
      id: principal,
      attributes: { kind: who?.principal.type ?? "unknown", roles: who?.roles ?? [] },
    },
    action,
    resource: {
      id: referenceOf(contract),
      attributes: {
        adapter: adapter.id,
        approval: approvalWord(facts.action.approvalRule),
        effect: contract.effect,
        egress: adapter.egress,
        idempotency: contract.execution.idempotency,
        isolation: typeof adapter.isolation === "string" ? adapter.isolation : "kernel",
      },
    },
    context: {
      classification: facts.runbookClassification,
      draft: facts.draft,
      engagement: engagement.id,
      environment: engagement.environment,
    },
  };
}

function approvalWord(rule: ApprovalRule): string {
  return typeof rule === "string" ? rule : "quorum";
}
