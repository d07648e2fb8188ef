import type { Contract } from "../contract/contract.ts";
import type { GateRecord } from "../contract/gate-record.ts";
import { adapterHoldings } from "./adapter-holdings.ts";
import type { GateFacts } from "./facts.ts";

/** Whether a contract asks that the kernel holds its tool. */
export function wantsIsolation({ isolation }: Contract["execution"]): boolean {
  return isolation === "required" || isolation === "preferred";
}

/** Whether the kernel holds the tool of a call. */
export function isHeld({ isolation, egress }: GateRecord["adapter"]): boolean {
  return typeof isolation === "object" && egress === "kernel-held";
}

/**
 * How the tool of a call is held: by the kernel when the contract wants it and the host offered it, else as is known of
 * the adapter. Pure, and the same when it is applied to its own answer: an adapter that claims more than the host
 * offered is taken for one that holds nothing.
 */
export function holdTool({
  contract,
  adapter,
  live,
}: Pick<GateFacts, "contract" | "adapter" | "live">): GateRecord["adapter"] {
  const offer = wantsIsolation(contract.execution) ? live.isolation : undefined;
  if (offer !== undefined && "held" in offer)
    return { ...adapter, isolation: offer.held, egress: "kernel-held" };
  const known = Object.hasOwn(adapterHoldings, adapter.id) ? adapterHoldings[adapter.id] : undefined;
  if (known !== undefined) return { ...adapter, ...known };
  if (typeof adapter.isolation === "object" || adapter.egress === "kernel-held")
    return { ...adapter, isolation: "none", egress: "unguarded" };
  return adapter;
}
