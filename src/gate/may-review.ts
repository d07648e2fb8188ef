import type { BreakGlass, Engagement } from "../contract/engagement.ts";
import type { PrincipalSet } from "../contract/principal.ts";

/**
 * Why a person may not review a use of break-glass; undefined when they may: one of its reviewers, enabled, with a key
 * that they hold, who neither acted nor asked for the run. Pure: a verifier asks again.
 */
export function mayNotReview(facts: {
  readonly principal: string;
  readonly custody: "held" | "local";
  readonly glass: BreakGlass | undefined;
  readonly engagement: Engagement;
  readonly principals: PrincipalSet;
  /** Who acted without approval, and who asked for the run. */
  readonly involved: readonly string[];
  readonly disabled: readonly string[];
}): "not-a-reviewer" | "not-in-engagement" | "disabled" | "not-independent" | "key-not-held" | undefined {
  const { principal, custody, glass, engagement, principals, involved, disabled } = facts;
  if (glass?.reviewers.includes(principal) !== true) return "not-a-reviewer";
  const isKnown =
    engagement.principals.some(({ id }) => id === principal) &&
    principals.principals.some(({ id }) => id === principal);
  if (!isKnown) return "not-in-engagement";
  if (disabled.includes(principal)) return "disabled";
  if (involved.includes(principal)) return "not-independent";
  return custody === "held" ? undefined : "key-not-held";
}
