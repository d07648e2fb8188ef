import { referenceOf } from "../contract/contract.ts";
import type { GateDecision } from "../contract/gate-record.ts";
import type { GateFacts } from "./facts.ts";
import { allow, deny } from "./gate-decision.ts";

export const reasons = [
  /** The action names another contract than the one that would be called. */
  "contract-mismatch",
  "not-in-lock",
  /** The lock pins this `id@version` to another digest. */
  "digest-differs",
  /** Unlocked contracts run in lab engagements only. */
  "draft-outside-lab",
  "contract-suspended",
  "contract-revoked",
] as const;
type Reason = (typeof reasons)[number];

/**
 * Gate 1: the contract is in the locked catalog, byte for byte, and still in force. A draft need not be in the
 * lock, but it may not differ from what the lock pins, and it runs in a lab only.
 */
export function catalogGate(facts: GateFacts): GateDecision {
  const { action, contract, contractDigest, lock, live, draft } = facts;
  const reference = referenceOf(contract);
  const locked = Object.hasOwn(lock.contracts, reference) ? lock.contracts[reference] : undefined;
  const seen = {
    contract: reference,
    digest: contractDigest,
    locked: locked ?? null,
    status: live.contract,
    draft,
  };
  const no = (reason: Reason) => deny("catalog", reason, seen);

  if (referenceOf(action.contract) !== reference || action.contract.digest !== contractDigest) {
    return no("contract-mismatch");
  }
  if (draft && facts.engagement.environment !== "lab") return no("draft-outside-lab");
  if (locked === undefined && !draft) return no("not-in-lock");
  if (locked !== undefined && locked !== contractDigest) return no("digest-differs");
  if (live.contract === "revoked") return no("contract-revoked");
  if (live.contract === "suspended") return no("contract-suspended");
  return allow("catalog", seen);
}
