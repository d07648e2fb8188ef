import type { GateDecision, GateName } from "../contract/gate-record.ts";
import type { JsonObject } from "../format/json.ts";

/** The gate lets the action pass. `facts` is what it saw, small and canonical. */
export function allow(gate: GateName, facts: JsonObject): GateDecision {
  return Object.freeze({ gate, decision: "allow", reason: "ok", facts });
}

/** The gate refuses for good; the reason is one of the gate's closed set. */
export function deny<Reason extends string>(gate: GateName, reason: Reason, facts: JsonObject): GateDecision {
  return Object.freeze({ gate, decision: "deny", reason, facts });
}

/** The gate waits for people; the same facts and an approval more may pass. */
export function pause<Reason extends string>(
  gate: GateName,
  reason: Reason,
  facts: JsonObject,
): GateDecision {
  return Object.freeze({ gate, decision: "pause", reason, facts });
}
