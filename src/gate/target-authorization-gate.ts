import type { ActionDocument } from "../contract/action-document.ts";
import type { TargetAuthorization } from "../contract/engagement.ts";
import type { GateDecision } from "../contract/gate-record.ts";
import { millisOf } from "../format/time.ts";
import type { GateFacts } from "./facts.ts";
import { allow, deny } from "./gate-decision.ts";
import { covers } from "./scope-match.ts";
import { parsePatterns } from "./scope-patterns.ts";
import { parseSubject } from "./scope-subject.ts";

export const reasons = [
  /** No authorization of the engagement covers a subject. */
  "target-not-authorized",
  /** Authorizations cover the subject, but none at this time. */
  "authorization-not-in-force",
  /** Control of the subject's domain was not proved, or not lately enough. */
  "control-not-proved",
] as const;
type Reason = (typeof reasons)[number];

/** What of the facts this gate looks at. */
export type TargetFacts = Pick<GateFacts, "engagement" | "now" | "proofs"> & {
  readonly action: Pick<ActionDocument, "subjects"> & Partial<Pick<ActionDocument, "contract" | "effect">>;
};

/** Contracts that look a domain's token up. They read what was published for us, and need no proof before. */
const CHALLENGES: ReadonlySet<string> = new Set(["dns.control", "http.control"]);

/**
 * Gate 4: for every subject the engagement holds an authorization that is in force now. Being in scope says
 * what the work is about; an authorization says who allowed it for that target.
 */
export function targetAuthorizationGate(facts: TargetFacts): GateDecision {
  const { action, engagement, now } = facts;
  const granted: { subject: string; authorization?: string; bypass?: string }[] = [];
  const bypass = parsePatterns(engagement.bypass?.boundary ?? []);
  const no = (reason: Reason, subject: string, lapsed: readonly string[]) =>
    deny("target-authorization", reason, { subject, now, lapsed });

  if (action.subjects.length === 0) return no("target-not-authorized", "", []);
  for (const subject of action.subjects) {
    const text = `${subject.kind}:${subject.value}`;
    const parsed = parseSubject(subject);
    const covering = engagement.authorizations.filter(
      ({ targets }) =>
        parsed !== undefined &&
        parsePatterns(targets).patterns.some(({ pattern }) => covers(pattern, parsed)),
    );
    const timely = covering.filter((authorization) => isInForce(authorization, now));
    const inForce = timely.find((authorization) => isProved(facts, authorization));
    if (inForce === undefined && timely.length > 0)
      return no(
        "control-not-proved",
        text,
        timely.map(({ id }) => id),
      );
    const beside =
      parsed !== undefined && covering.length === 0
        ? bypass.patterns.find(({ pattern }) => covers(pattern, parsed))
        : undefined;
    if (beside !== undefined) {
      granted.push({ subject: text, bypass: beside.text });
      continue;
    }
    if (inForce === undefined) {
      const lapsed = covering.map(({ id }) => id);
      return no(lapsed.length === 0 ? "target-not-authorized" : "authorization-not-in-force", text, lapsed);
    }
    granted.push({ subject: text, authorization: inForce.id });
  }
  return allow("target-authorization", { granted });
}

function isInForce({ notBefore, notAfter }: TargetAuthorization, now: string): boolean {
  const at = millisOf(now);
  const from = notBefore === undefined ? Number.NEGATIVE_INFINITY : millisOf(notBefore);
  const to = notAfter === undefined ? Number.POSITIVE_INFINITY : millisOf(notAfter);
  return at !== undefined && from !== undefined && to !== undefined && from <= at && at <= to;
}

/** Whether control was proved and the proof holds; what needs none always is, and so is the look-up itself. */
function isProved({ proofs = [], now, action }: TargetFacts, { id, kind }: TargetAuthorization): boolean {
  if (kind !== "domain-control") return true;
  if (action.effect === "read" && CHALLENGES.has(action.contract?.id ?? "")) return true;
  const at = millisOf(now);
  return proofs.some(
    ({ authorization, expiresAt }) =>
      authorization === id && at !== undefined && at <= (millisOf(expiresAt) ?? 0),
  );
}
