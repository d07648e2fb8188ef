import type { Engagement } from "../contract/engagement.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import { type Role, type Sensitivity, sensitivities } from "../contract/vocabulary.ts";
import type { ArtifactState } from "./evidence-state.ts";

/** What can be done to an artifact after it was collected (`spec/lifecycle.md`). */
export const evidenceActions = ["classify", "hold", "release", "redact", "end-hold", "retire"] as const;
export type EvidenceAction = (typeof evidenceActions)[number];

export type EvidenceReason =
  | "unknown-artifact"
  | "not-entitled"
  | "disabled"
  | "not-human"
  | "key-not-held"
  | "retired"
  | "quarantined"
  | "unchanged"
  | "cannot-be-sealed-later"
  | "lowered"
  | "no-such-hold"
  | "on-hold";

export type EvidenceDecision =
  | { readonly decision: "allow" }
  | { readonly decision: "deny" | "pause"; readonly reason: EvidenceReason };

/** Everything the decision looks at. */
export interface EvidenceFacts {
  readonly action: EvidenceAction;
  /** The artifact; of a redaction the one that it is made from. Undefined when there is none. */
  readonly state: ArtifactState | undefined;
  readonly principal: string;
  readonly engagement: Engagement;
  readonly principals: PrincipalSet;
  readonly disabled: readonly string[];
  /** Where the key is that signed; undefined for what is not signed. */
  readonly custody?: "held" | "local";
  /** Digest of a redacted copy, once there is one. */
  readonly copy?: string | undefined;
  /** What it would be classified as. */
  readonly sensitivity?: unknown;
  /** The hold that would end. */
  readonly hold?: unknown;
}

/** Who may do it in an engagement, whether it is signed by a person, and whether with a key that they hold. */
const rules: Readonly<Record<EvidenceAction, { roles: readonly Role[]; signed: boolean; held: boolean }>> = {
  classify: { roles: ["operator", "approver", "owner"], signed: false, held: false },
  hold: { roles: ["operator", "approver", "owner"], signed: false, held: false },
  release: { roles: ["approver", "owner"], signed: false, held: false },
  redact: { roles: ["operator", "approver", "owner"], signed: true, held: false },
  "end-hold": { roles: ["owner"], signed: true, held: true },
  retire: { roles: ["owner"], signed: true, held: true },
};

/** Decides what may be done to an artifact. Pure: a verifier asks again. */
export function decideEvidence(facts: EvidenceFacts): EvidenceDecision {
  const { action, state } = facts;
  if (state === undefined) return deny("unknown-artifact");
  const refused = refusedActor(facts);
  if (refused !== undefined) return deny(refused);
  if (state.retired !== undefined) return deny("retired");
  if ((action === "release" || action === "redact") && state.sensitivity === undefined)
    return deny("quarantined");
  // Otherwise whoever may not lower it would do so with a copy.
  if (action === "redact" && facts.copy === state.artifact.digest) return deny("unchanged");
  if (action === "classify") return classify(state.sensitivity, facts.sensitivity);
  if (action === "end-hold" && !state.holds.has(String(facts.hold))) return deny("no-such-hold");
  if (action === "retire" && state.holds.size > 0) return { decision: "pause", reason: "on-hold" };
  return { decision: "allow" };
}

function refusedActor(facts: EvidenceFacts): EvidenceReason | undefined {
  const { action, principal, engagement, principals, disabled, custody } = facts;
  const rule = rules[action];
  const member = engagement.principals.find(({ id }) => id === principal);
  const known = principals.principals.find(({ id }) => id === principal);
  const roles = known?.roles.filter((role) => member?.roles.includes(role) === true) ?? [];
  if (known === undefined || !roles.some((role) => rule.roles.includes(role))) return "not-entitled";
  if (disabled.includes(principal)) return "disabled";
  if (rule.signed && known.type !== "human") return "not-human";
  return rule.held && custody !== "held" ? "key-not-held" : undefined;
}

function classify(from: Sensitivity | undefined, to: unknown): EvidenceDecision {
  // What was stored in the clear has been on the disk: encrypting it now would only look like sealing.
  if (to === "secret" && from !== "secret") return deny("cannot-be-sealed-later");
  const rank = (word: unknown): number => (sensitivities as readonly unknown[]).indexOf(word);
  return rank(to) < rank(from) || rank(to) < 0 ? deny("lowered") : { decision: "allow" };
}

function deny(reason: EvidenceReason): EvidenceDecision {
  return { decision: "deny", reason };
}
