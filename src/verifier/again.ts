import type { PolicyDecider } from "../gate/facts.ts";
import type { Anchor } from "./anchor.ts";
import type { Bundle } from "./bundle.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import type { Evidence } from "./evidence.ts";
import type { Findings } from "./layer.ts";
import type { SealedArtifacts } from "./sealed.ts";

/** Which invocation used an approval, by the approval's digest. */
export type ApprovalLedger = Map<string, string>;

/** What deciding a run again needs beside the run. */
export interface Again {
  readonly bundle: Bundle;
  readonly anchor: Anchor;
  /** The runs that the bundle claims. */
  readonly runs: readonly ClaimedRun[];
  /** Findings of the layer `authorization`: approvals. */
  readonly approvals: Findings;
  /** Findings of the layer `re-decision`. */
  readonly decisions: Findings;
  /** Which invocation used which approval, over the whole bundle. */
  readonly ledger: ApprovalLedger;
  /** Sealed artifacts, as far as they could be opened. */
  readonly sealed: SealedArtifacts;
  readonly evidence: Evidence;
  /** The Cedar decider of a pinned policy set; undefined when it cannot decide here. */
  decider(run: ClaimedRun): Promise<PolicyDecider | undefined>;
  /**
   * Evaluates expressions at the cost of one budget for the whole verification.
   *
   * @throws CelBudgetSpent when it is used up: then nothing more can be decided again.
   */
  cel<T>(work: () => T): T;
  /** Takes other work that grows faster than the bundle from the same budget. @throws as `cel`. */
  charge(steps: number): void;
}
