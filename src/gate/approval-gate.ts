import { type ApprovalGroup, groupsOf } from "../contract/approval-groups.ts";
import type { ApprovalFact, GateDecision } from "../contract/gate-record.ts";
import type { ApprovalRule, Role } from "../contract/vocabulary.ts";
import { millisOfDuration } from "../format/duration.ts";
import type { JsonObject } from "../format/json.ts";
import { millisOf } from "../format/time.ts";
import { mayNotBreakGlass, permissionOf } from "./break-glass.ts";
import { effectivePrincipal, isRevoked } from "./effective-principal.ts";
import type { GateFacts } from "./facts.ts";
import { fillGroups } from "./fill-groups.ts";
import { allow, deny, pause } from "./gate-decision.ts";
import { policyRequest } from "./policy-request.ts";

export const reasons = [
  /** Pauses: approvals are missing. */
  "approval-required",
  /** Someone entitled to decide said no. */
  "approval-rejected",
  /** The request for approval is older than the rule's `expiresIn`. */
  "approval-expired",
] as const;
type Reason = (typeof reasons)[number];

/** Why an approval that is present does not count. */
type Discount =
  | "principal-unknown"
  | "principal-disabled"
  | "key-revoked"
  | "not-human"
  | "role-missing"
  | "own-request"
  | "custody-local"
  | "expired"
  | "same-key";

/**
 * Gate 7: the approvals that the action's rule requires exist. A pure function of the facts: it reads approvals
 * whose signatures were checked, and executes nothing.
 *
 * Distinct people count, each with an own key held outside the workspace (`self` asks for no independence: there
 * the requester's own key serves, wherever it lies). A rejection is final and is not outweighed by approvals.
 */
export function approvalGate(facts: GateFacts): GateDecision {
  const rule = facts.action.approvalRule;
  if (rule === "none") return allow("approval", { rule });
  const need = needOf(rule);
  const approvals = [...facts.approvals].sort(byDigest);

  const rejection = approvals.find((fact) => fact.decision === "reject" && mayReject(facts, need, fact));
  if (rejection !== undefined) {
    return deny<Reason>("approval", "approval-rejected", {
      rule,
      principal: rejection.principal,
      approval: rejection.digest,
      ...(rejection.reason === undefined ? {} : { why: rejection.reason }),
    });
  }

  const counted: { principal: string; approval: string }[] = [];
  const discounted: { principal: string; approval: string; because: Discount }[] = [];
  const keys = new Set<string>();
  for (const fact of approvals) {
    if (fact.decision !== "approve") continue;
    const entry = { principal: fact.principal, approval: fact.digest };
    if (counted.some(({ principal }) => principal === fact.principal)) continue;
    const because = keys.has(fact.keyId) ? "same-key" : whyNot(facts, need, fact);
    if (because !== undefined) {
      discounted.push({ ...entry, because });
      continue;
    }
    keys.add(fact.keyId);
    counted.push(entry);
  }
  const filled = fillGroups(
    need.groups,
    counted.map(({ principal }) => rolesOf(facts, need, principal)),
  );
  const required = need.groups.reduce((sum, { quorum }) => sum + quorum, 0);
  const missing = required - filled.reduce((sum, count) => sum + count, 0);
  const { breakGlass } = facts;
  const against = breakGlass && mayNotBreakGlass(facts, breakGlass);
  if (missing > 0 && breakGlass !== undefined && against === undefined) {
    const { breakGlass: id, principal, digest, use } = breakGlass;
    const reviewWithin = permissionOf(facts, id)?.reviewWithin ?? "";
    return allow("approval", {
      rule: rule as JsonObject | string,
      breakGlass: { id, principal, statement: digest, use, reviewWithin },
    });
  }
  const seen: JsonObject = {
    rule: rule as JsonObject | string,
    required,
    have: counted,
    missing,
    ...(need.groups.length === 1 ? {} : { filled: [...filled] }),
    ...(discounted.length === 0 ? {} : { discounted }),
    ...(against === undefined ? {} : { breakGlassRefused: against }),
  };
  if (isLapsed(facts, need)) {
    return deny<Reason>("approval", "approval-expired", {
      ...seen,
      pausedAt: facts.pausedAt?.approval ?? null,
      now: facts.now,
    });
  }
  return missing === 0 ? allow("approval", seen) : pause<Reason>("approval", "approval-required", seen);
}

interface Need {
  readonly groups: readonly ApprovalGroup[];
  /** The requester's own approval serves, and keys on the host do. */
  readonly self: boolean;
  readonly expiresIn: string | undefined;
}

function needOf(rule: Exclude<ApprovalRule, "none">): Need {
  if (rule === "self" || rule === "designated") {
    const groups = [{ quorum: 1, roles: ["approver"] as const }];
    return { groups, self: rule === "self", expiresIn: undefined };
  }
  return { groups: groupsOf(rule), self: false, expiresIn: rule.expiresIn };
}

/** Whether the person's word counts at all under the rule, independence and time aside. */
function entitled(facts: GateFacts, need: Need, fact: ApprovalFact): Discount | undefined {
  const who = effectivePrincipal(facts, fact.principal);
  if (who === undefined || !who.inEngagement) return "principal-unknown";
  if (who.disabled) return "principal-disabled";
  if (isRevoked(facts, fact.keyId)) return "key-revoked";
  if (who.principal.type !== "human") return "not-human";
  const own = fact.principal === facts.action.requester;
  return (own && need.self) || rolesOf(facts, need, fact.principal).length > 0 ? undefined : "role-missing";
}

/** The roles in which a person's word counts under the rule; for `self` the requester's own does in any. */
function rolesOf(facts: GateFacts, need: Need, principal: string): readonly Role[] {
  const asked = need.groups.flatMap(({ roles }) => roles);
  if (need.self && principal === facts.action.requester) return asked;
  const roles = effectivePrincipal(facts, principal)?.roles ?? [];
  return roles.filter((role) => asked.includes(role));
}

function whyNot(facts: GateFacts, need: Need, fact: ApprovalFact): Discount | undefined {
  const reason = entitled(facts, need, fact);
  if (reason !== undefined) return reason;
  const now = millisOf(facts.now);
  const notAfter = millisOf(fact.notAfter);
  if (now === undefined || notAfter === undefined || now > notAfter) return "expired";
  if (need.self) return undefined;
  if (fact.custody !== "held") return "custody-local";
  return fact.principal !== facts.action.requester || maySelfApprove(facts) ? undefined : "own-request";
}

// A rejection only tightens, so custody and time do not matter, and a requester may always withdraw.
function mayReject(facts: GateFacts, need: Need, fact: ApprovalFact): boolean {
  const own = fact.principal === facts.action.requester;
  return entitled(facts, { ...need, self: need.self || own }, fact) === undefined;
}

function maySelfApprove(facts: GateFacts): boolean {
  const { decision, errors } = facts.policy.decide(policyRequest(facts, "self-approve"));
  return decision === "allow" && errors.length === 0;
}

/** A request that waited longer than the rule allows is dead, whatever arrived since: it is asked for anew. */
function isLapsed(facts: GateFacts, need: Need): boolean {
  if (need.expiresIn === undefined || facts.pausedAt?.approval === undefined) return false;
  const now = millisOf(facts.now);
  const pausedAt = millisOf(facts.pausedAt.approval);
  if (now === undefined || pausedAt === undefined) return true;
  return now - pausedAt > millisOfDuration(need.expiresIn);
}

function byDigest(a: ApprovalFact, b: ApprovalFact): number {
  return a.digest < b.digest ? -1 : a.digest > b.digest ? 1 : 0;
}
