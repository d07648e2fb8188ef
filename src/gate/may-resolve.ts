import type { Engagement } from "../contract/engagement.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import { type Role, roles } from "../contract/vocabulary.ts";

/** Who may settle doubt: people who answer for the work, in the engagement and enabled. */
const RESOLVERS: ReadonlySet<Role> = new Set(["operator", "approver", "owner"]);

/**
 * Why a person may not settle an in-doubt attempt or release a held step; undefined when they may. A
 * resolution can repeat an unsafe action, so a key that the host holds is not enough. Pure: the verifier asks
 * again with the keys and roles of the reviewer's trust file.
 */
export function mayNotResolve(facts: {
  readonly principal: string;
  readonly custody: "held" | "local";
  readonly engagement: Engagement;
  readonly principals: PrincipalSet;
  readonly disabled: readonly string[];
}): "not-in-engagement" | "lacks-role" | "disabled" | "key-not-held" | undefined {
  const { principal, engagement, principals } = facts;
  const entry = engagement.principals.find(({ id }) => id === principal);
  const known = principals.principals.find(({ id }) => id === principal);
  if (entry === undefined || known === undefined) return "not-in-engagement";
  const has = (role: Role) => RESOLVERS.has(role) && entry.roles.includes(role) && known.roles.includes(role);
  if (!roles.some(has)) return "lacks-role";
  if (facts.disabled.includes(principal)) return "disabled";
  return facts.custody === "held" ? undefined : "key-not-held";
}
