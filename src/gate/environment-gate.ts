import type { GateDecision } from "../contract/gate-record.ts";
import { needsSealing } from "../contract/sealing.ts";
import { classifications } from "../contract/vocabulary.ts";
import { millisOf } from "../format/time.ts";
import type { GateFacts } from "./facts.ts";
import { allow, deny } from "./gate-decision.ts";
import { isHeld } from "./hold-tool.ts";

export const reasons = [
  /** The action names another engagement than the one that is decided with. */
  "engagement-mismatch",
  "engagement-halted",
  "engagement-closed",
  "change-freeze",
  /** The host's clock or the window is no instant. */
  "time-malformed",
  "before-window",
  "after-window",
  /** The runbook is classified higher than the engagement, or not in known words. */
  "classification-exceeded",
  /** A lab engagement states its terms, or nothing runs. */
  "lab-terms-missing",
  /** A production engagement carries lab terms: lab and production are mixed. */
  "lab-terms-in-production",
  /** The contract requires that the kernel holds its tool, and this host cannot. */
  "isolation-unavailable",
  /** The contract captures what is secret, and the engagement names nobody to seal it to. */
  "no-recipients",
] as const;
type Reason = (typeof reasons)[number];

/** Gate 5: the engagement is open, now is in its window, and lab and production are apart. Both ends of the window are in it. */
export function environmentGate(facts: GateFacts): GateDecision {
  const { contract, engagement, action, live, now, runbookClassification } = facts;
  const { environment, classification, window } = engagement;
  const seen = {
    now,
    window: { notBefore: window.notBefore, notAfter: window.notAfter },
    environment,
    status: live.engagement,
    freeze: live.freeze,
    classification: { engagement: classification, runbook: runbookClassification },
  };
  const no = (reason: Reason) => deny("environment", reason, seen);

  if (action.engagement.id !== engagement.id || action.engagement.version !== engagement.version) {
    return no("engagement-mismatch");
  }
  if (live.engagement === "closed") return no("engagement-closed");
  if (live.engagement !== "open") return no("engagement-halted");
  if (live.freeze) return no("change-freeze");

  const at = millisOf(now);
  const from = millisOf(window.notBefore);
  const to = millisOf(window.notAfter);
  if (at === undefined || from === undefined || to === undefined) return no("time-malformed");
  if (at < from) return no("before-window");
  if (at > to) return no("after-window");

  const rank = (word: string) => (classifications as readonly string[]).indexOf(word);
  if (rank(runbookClassification) < 0 || rank(runbookClassification) > rank(classification)) {
    return no("classification-exceeded");
  }
  if (environment === "lab" && engagement.lab === undefined) return no("lab-terms-missing");
  if (environment !== "lab" && engagement.lab !== undefined) return no("lab-terms-in-production");
  if (needsSealing(contract) && engagement.evidence === undefined) return no("no-recipients");
  if (contract.execution.isolation === "required" && !isHeld(facts.adapter)) {
    return deny("environment", "isolation-unavailable" satisfies Reason, {
      ...seen,
      isolation: live.isolation ?? { refused: "not-offered" },
    });
  }
  return allow("environment", seen);
}
