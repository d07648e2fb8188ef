import type { GateDecision, GateName, GateRecord, GivenFact, ProofFact } from "../contract/gate-record.ts";
import type { Digest } from "../format/digest.ts";
import { actionDigest } from "./action-digest.ts";
import { approvalGate } from "./approval-gate.ts";
import { catalogGate } from "./catalog-gate.ts";
import { environmentGate } from "./environment-gate.ts";
import type { GateFacts } from "./facts.ts";
import { deny } from "./gate-decision.ts";
import { holdTool } from "./hold-tool.ts";
import { identityGate } from "./identity-gate.ts";
import { inputGate } from "./input-gate.ts";
import { policyGate } from "./policy-gate.ts";
import { scopeGate } from "./scope-gate.ts";
import { targetAuthorizationGate } from "./target-authorization-gate.ts";

/** One gate: a pure function of the recorded facts. */
export type Gate = (facts: GateFacts) => GateDecision;

/** All gates in the order in which they decide (design section 5). */
export const gates: readonly { readonly name: GateName; readonly decide: Gate }[] = Object.freeze([
  { name: "catalog", decide: catalogGate },
  { name: "identity", decide: identityGate },
  { name: "scope", decide: scopeGate },
  { name: "target-authorization", decide: targetAuthorizationGate },
  { name: "environment", decide: environmentGate },
  { name: "policy", decide: policyGate },
  { name: "approval", decide: approvalGate },
]);

/** The gate of actions that wait for an answer, a webhook or a time; others do not have it (decision 0014). */
const waiting = Object.freeze({ name: "input" as const, decide: inputGate });

/** Reason code of a denial because a gate itself broke. Any gate can have it. */
export const GATE_ERROR = "gate-error";

/**
 * Runs the gates in order and stops at the first that does not allow. Never throws: a defect in a gate is a
 * denial with the reason `gate-error`, never a way through.
 *
 * @returns the attempt's gate record: the same facts give the same bytes.
 */
export function decideGates(given: GateFacts): GateRecord {
  const decided: GateDecision[] = [];
  let digest: Digest | undefined;
  let facts = given;
  try {
    facts = { ...given, adapter: holdTool(given) };
    digest = actionDigest(facts.action);
  } catch {
    decided.push(broken("catalog"));
  }
  const due = facts.awaited === undefined ? gates : [...gates, waiting];
  for (const { name, decide } of digest === undefined ? [] : due) {
    let decision: GateDecision;
    try {
      decision = decide(facts);
    } catch {
      decision = broken(name);
    }
    decided.push(decision);
    if (decision.decision !== "allow") break;
  }
  return Object.freeze({
    schema: "witnessops/gate-record/v1",
    action: facts.action,
    actionDigest: digest ?? NO_DIGEST,
    attempt: facts.attempt,
    decidedAt: facts.now,
    draft: facts.draft,
    adapter: facts.adapter,
    live: facts.live,
    approvals: facts.approvals as GateRecord["approvals"],
    ...(facts.proofs === undefined ? {} : { proofs: [...facts.proofs] as ProofFact[] }),
    ...(facts.breakGlass === undefined ? {} : { breakGlass: facts.breakGlass }),
    ...(facts.awaited === undefined || facts.awaited.what === "time"
      ? {}
      : { given: [...(facts.given ?? [])] as GivenFact[] }),
    gates: decided,
    decision: decided.at(-1)?.decision ?? "deny",
  });
}

/** Stands where an action that is not JSON has no digest; nothing hashes to it. */
const NO_DIGEST: Digest = `sha256:${"0".repeat(64)}`;

// The error's text is left out: it may hold what the record must not, and may differ between hosts.
function broken(gate: GateName): GateDecision {
  return deny(gate, GATE_ERROR, {});
}
