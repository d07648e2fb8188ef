import type { BreakGlass } from "../contract/engagement.ts";
import type { BreakGlassFact } from "../contract/gate-record.ts";
import { millisOf } from "../format/time.ts";
import { effectivePrincipal, isRevoked } from "./effective-principal.ts";
import type { GateFacts } from "./facts.ts";
import { covers } from "./scope-match.ts";
import { parsePatterns } from "./scope-patterns.ts";
import { parseSubject } from "./scope-subject.ts";

/** Why a person's word that they act without approval does not stand for one. */
export type BreakGlassRefusal =
  /** The engagement gives no such permission. */
  | "not-permitted"
  | "principal-unknown"
  | "principal-disabled"
  | "key-revoked"
  | "not-human"
  /** The permission names other people. */
  | "not-named"
  | "custody-local"
  | "other-contract"
  /** A subject is outside of the permission's targets. */
  | "wider"
  | "outside-window"
  | "used-up";

/** What of the facts decides whether break-glass stands for an approval. */
export type BreakGlassFacts = Pick<GateFacts, "engagement" | "principals" | "live" | "action" | "now">;

/** Whether a person may act without approval here and now, by a permission of the engagement. Pure. */
export function mayNotBreakGlass(
  facts: BreakGlassFacts,
  fact: BreakGlassFact,
): BreakGlassRefusal | undefined {
  const { action, engagement, now } = facts;
  const glass = permissionOf(facts, fact.breakGlass);
  if (glass === undefined) return "not-permitted";
  const who = effectivePrincipal({ ...facts, engagement }, fact.principal);
  if (who === undefined || !who.inEngagement) return "principal-unknown";
  if (who.disabled) return "principal-disabled";
  if (isRevoked(facts, fact.keyId)) return "key-revoked";
  if (who.principal.type !== "human") return "not-human";
  if (!glass.people.includes(fact.principal)) return "not-named";
  if (fact.custody !== "held") return "custody-local";
  if (!glass.contracts.includes(`${action.contract.id}@${action.contract.version}`)) return "other-contract";
  const { patterns } = parsePatterns(glass.targets);
  const inside = action.subjects.every((subject) => {
    const parsed = parseSubject(subject);
    return parsed !== undefined && patterns.some(({ pattern }) => covers(pattern, parsed));
  });
  if (!inside || action.subjects.length === 0) return "wider";
  const [at, from, to] = [now, glass.window.notBefore, glass.window.notAfter].map(millisOf);
  if (at === undefined || from === undefined || to === undefined || at < from || at > to)
    return "outside-window";
  return fact.use > glass.uses ? "used-up" : undefined;
}

/** The permission of that id; undefined when the engagement has none, or several. */
export function permissionOf(
  { engagement }: Pick<GateFacts, "engagement">,
  id: string,
): BreakGlass | undefined {
  const found = (engagement.breakGlass ?? []).filter((one) => one.id === id);
  return found.length === 1 ? found[0] : undefined;
}
