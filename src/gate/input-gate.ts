import type { Awaited } from "../contract/awaited.ts";
import type { GateDecision, GivenFact } from "../contract/gate-record.ts";
import { millisOfDuration } from "../format/duration.ts";
import { millisOf, utcFromMillis } from "../format/time.ts";
import { effectivePrincipal, isRevoked } from "./effective-principal.ts";
import type { GateFacts } from "./facts.ts";
import { allow, deny, pause } from "./gate-decision.ts";

export const reasons = [
  /** Pauses: nobody who may has answered. */
  "answer-required",
  /** Pauses: the webhook has not come. */
  "signal-required",
  /** Pauses: the time has not come. */
  "not-yet",
  /** What was waited for did not come in time. */
  "overdue",
] as const;
type Reason = (typeof reasons)[number];

/** Why an answer does not count. */
type Discount =
  | "late"
  | "principal-unknown"
  | "principal-disabled"
  | "key-revoked"
  | "role-missing"
  | "own-request"
  | "custody-local";

/**
 * Gate 8, for actions that wait: the person's answer, the webhook or the time is there. A pure function of the facts,
 * as every gate. What was recorded in time counts, whenever the run goes on; what was recorded late never does.
 */
export function inputGate(facts: GateFacts): GateDecision {
  const { awaited } = facts;
  if (awaited === undefined) return allow("input", {});
  if (awaited.what === "time") return timeGate(facts, awaited);
  const { what } = awaited;
  const given = (facts.given ?? []).filter((fact) => fact.what === what);
  const whyNot = (fact: GivenFact): Discount | undefined =>
    isLate(facts, awaited.within, fact.at) ? "late" : mayNotAnswer(facts, awaited, fact);
  const counted = given.find((fact) => whyNot(fact) === undefined);
  const discounted = given
    .map((fact) => ({ input: fact.digest, because: whyNot(fact) }))
    .filter((one) => one.because !== undefined);
  const seen = { awaits: what, ...(discounted.length === 0 ? {} : { discounted: discounted as never }) };
  if (counted !== undefined) return allow("input", { ...seen, input: counted.digest });
  if (isLate(facts, awaited.within, facts.now))
    return deny<Reason>("input", "overdue", {
      ...seen,
      pausedAt: facts.pausedAt?.input ?? null,
      now: facts.now,
    });
  return pause<Reason>("input", what === "answer" ? "answer-required" : "signal-required", seen);
}

function timeGate(facts: GateFacts, awaited: Awaited & { what: "time" }): GateDecision {
  const due = dueAt(awaited, facts.pausedAt?.input);
  const now = millisOf(facts.now);
  const seen = { awaits: "time", due: due === undefined ? null : utcFromMillis(due), now: facts.now };
  if (due !== undefined && now !== undefined && now >= due) return allow("input", seen);
  return pause<Reason>("input", "not-yet", seen);
}

/** When an action that waits for a time may go on, in milliseconds; unknown before it began to wait. */
export function dueAt(awaited: Awaited & { what: "time" }, pausedAt: string | undefined): number | undefined {
  if (awaited.until !== undefined) return millisOf(awaited.until);
  const since = pausedAt === undefined ? undefined : millisOf(pausedAt);
  return since === undefined ? undefined : since + millisOfDuration(awaited.after ?? "0s");
}

/** Why a person's answer does not count; undefined when it does, and for what is no answer. */
export function mayNotAnswer(
  facts: Pick<GateFacts, "principals" | "engagement" | "live" | "action">,
  awaited: Awaited,
  fact: GivenFact,
): Discount | undefined {
  if (awaited.what !== "answer" || fact.what !== "answer") return undefined;
  const who = effectivePrincipal(facts, fact.principal);
  if (who === undefined || !who.inEngagement) return "principal-unknown";
  if (who.disabled) return "principal-disabled";
  if (isRevoked(facts, fact.keyId)) return "key-revoked";
  if (!who.roles.some((role) => awaited.roles.includes(role))) return "role-missing";
  if (fact.custody !== "held") return "custody-local";
  return awaited.independent && fact.principal === facts.action.requester ? "own-request" : undefined;
}

/** Whether an instant is after the end of the wait. */
function isLate({ pausedAt }: GateFacts, within: string | undefined, instant: string): boolean {
  if (within === undefined || pausedAt?.input === undefined) return false;
  const [at, since] = [millisOf(instant), millisOf(pausedAt.input)];
  if (at === undefined || since === undefined) return true;
  return at - since > millisOfDuration(within);
}
