import type { Principal } from "../contract/principal.ts";
import type { Role } from "../contract/vocabulary.ts";
import type { GateFacts } from "./facts.ts";

/** A principal as it counts in one engagement. */
export interface EffectivePrincipal {
  readonly principal: Principal;
  readonly inEngagement: boolean;
  readonly disabled: boolean;
  /** Roles that both the principal and its entry in the engagement have, sorted. */
  readonly roles: readonly Role[];
}

/**
 * Looks a principal up. Undefined when it is unknown, or when its id stands twice: two entries would be two
 * stories about one name.
 */
export function effectivePrincipal(
  facts: Pick<GateFacts, "principals" | "engagement" | "live">,
  id: string,
): EffectivePrincipal | undefined {
  const principal = only(facts.principals.principals, id);
  if (principal === undefined) return undefined;
  const entry = only(facts.engagement.principals, id);
  return {
    principal,
    inEngagement: entry !== undefined,
    disabled: facts.live.disabledPrincipals.includes(id),
    roles: principal.roles.filter((role) => entry?.roles.includes(role) === true).sort(),
  };
}

/** Whether a key is among those that the host had receipted as revoked. */
export function isRevoked({ live }: Pick<GateFacts, "live">, keyId: string): boolean {
  return live.revokedKeys?.includes(keyId) === true;
}

function only<T extends { readonly id: string }>(list: readonly T[], id: string): T | undefined {
  let found: T | undefined;
  for (const item of list) {
    if (item.id !== id) continue;
    if (found !== undefined) return undefined;
    found = item;
  }
  return found;
}
