import type { GateDecision } from "../contract/gate-record.ts";
import type { Principal } from "../contract/principal.ts";
import { parseHost } from "../contract/scope-host.ts";
import { effectivePrincipal } from "./effective-principal.ts";
import type { GateFacts } from "./facts.ts";
import { freeMailDomains } from "./free-mail-domains.ts";
import { allow, deny } from "./gate-decision.ts";

export const reasons = [
  /** No principal, or more than one, has this id. */
  "principal-unknown",
  "principal-disabled",
  "not-in-engagement",
  /** Agents are neither owners nor approvers. */
  "agent-holds-authority",
  /** None of the contract's roles is held both by the principal and in the engagement. */
  "role-missing",
  /** The engagement refuses free-mail addresses, and this is one. */
  "free-mail",
  /** The engagement refuses free-mail addresses, and this person has no readable address. */
  "email-missing",
] as const;
type Reason = (typeof reasons)[number];

/** Gate 2: the requester is known, enabled, in the engagement, in the right role and above the identity floor. */
export function identityGate(facts: GateFacts): GateDecision {
  const { action, contract, engagement } = facts;
  const requester = effectivePrincipal(facts, action.requester);
  const required = [...contract.authority.roles].sort();
  const seen = {
    requester: action.requester,
    type: requester?.principal.type ?? null,
    roles: requester?.roles ?? [],
    required,
  };
  const no = (reason: Reason) => deny("identity", reason, seen);

  if (requester === undefined) return no("principal-unknown");
  if (requester.disabled) return no("principal-disabled");
  if (!requester.inEngagement) return no("not-in-engagement");
  if (requester.principal.type === "agent" && holdsAuthority(facts, requester.principal)) {
    return no("agent-holds-authority");
  }
  if (!requester.roles.some((role) => required.includes(role))) return no("role-missing");
  if (engagement.identityFloor?.refuseFreeMail === true) {
    const reason = belowFloor(requester.principal);
    if (reason !== undefined) return no(reason);
  }
  return allow("identity", seen);
}

function holdsAuthority(facts: GateFacts, principal: Principal): boolean {
  const entry = facts.engagement.principals.find(({ id }) => id === principal.id);
  return [...principal.roles, ...(entry?.roles ?? [])].some(
    (role) => role === "owner" || role === "approver",
  );
}

function belowFloor(principal: Principal): Reason | undefined {
  const { email } = principal;
  // An agent or a service answers for itself by its key; a person who leaves the address out does not pass.
  if (email === undefined) return principal.type === "human" ? "email-missing" : undefined;
  const domain = parseHost(email.slice(email.lastIndexOf("@") + 1));
  if (domain === undefined || !("name" in domain)) return "email-missing";
  return freeMailDomains.has(domain.name) ? "free-mail" : undefined;
}
