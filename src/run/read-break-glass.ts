import type { BreakGlassFact } from "../contract/gate-record.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import { type Digest, digestOf } from "../format/digest.ts";
import { checkBreakGlass } from "../gate/break-glass-statement.ts";
import { readEnvelope } from "./document-pin.ts";
import type { Lane } from "./lane.ts";
import type { InvocationState } from "./run-state.ts";

/** As many as a permission may have. */
const MAX_USES = 100;

/** What stands in the ledger for the n-th use of a permission: one invocation takes it, for good. */
export function breakGlassUse(engagement: string, breakGlass: string, use: number): Digest {
  return digestOf(`witnessops/break-glass-use/v1\n${engagement}\n${breakGlass}\n${use}`);
}

/**
 * A person's word, recorded for an invocation, that they act without approval. It is the first use of the permission
 * that is free, or that this invocation has taken already.
 */
export async function readBreakGlass(
  lane: Pick<Lane, "store">,
  engagement: string,
  { id, breakGlass }: Pick<InvocationState, "id" | "breakGlass">,
  principals: PrincipalSet,
  now: string,
  wanted: Digest,
): Promise<BreakGlassFact | undefined> {
  if (breakGlass === undefined) return undefined;
  const checked = await checkBreakGlass(readEnvelope(lane.store, breakGlass.digest), principals, now, 1);
  if (!checked.ok || checked.statement.actionDigest !== wanted) return undefined;
  return { ...checked.fact, use: nextUse(lane, engagement, checked.fact.breakGlass, id) };
}

/** Number of the use that an invocation has or would take. */
export function nextUse(
  lane: Pick<Lane, "store">,
  engagement: string,
  breakGlass: string,
  invocation: string,
): number {
  for (let use = 1; use <= MAX_USES; use++) {
    const taken = lane.store.consumed(breakGlassUse(engagement, breakGlass, use));
    if (taken === undefined || taken === invocation) return use;
  }
  return MAX_USES + 1;
}
