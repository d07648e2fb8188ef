import type { CatalogLock } from "../contract/catalog-lock.ts";
import type { Engagement } from "../contract/engagement.ts";
import type { PolicySet } from "../contract/policy-set.ts";
import type { PrincipalSet } from "../contract/principal.ts";
import type { RunDocument } from "../contract/run-document.ts";
import type { Runbook } from "../contract/runbook.ts";
import type { Bundle } from "./bundle.ts";
import type { Receipt } from "./read-receipts.ts";

/** A run that the claim names, with what it pinned as far as the bundle holds it. */
export interface ClaimedRun {
  readonly id: string;
  /** Its `run-opened` receipt. */
  readonly opened: Receipt;
  /** Its `run-closed` receipt; absent while it is open. */
  readonly closed: Receipt | undefined;
  readonly document: RunDocument;
  readonly runbook: Runbook | undefined;
  readonly engagement: Engagement | undefined;
  readonly principals: PrincipalSet | undefined;
  readonly policies: PolicySet | undefined;
  readonly lock: CatalogLock | undefined;
  /** The run's stream, by sequence number. */
  readonly receipts: readonly Receipt[];
}

/** The runs that can be examined: claimed, opened in the bundle, with their document. */
export function claimedRuns(bundle: Bundle): ClaimedRun[] {
  const runs: ClaimedRun[] = [];
  for (const id of bundle.claim?.predicate.runs ?? runsOpenedWithDocument(bundle)) {
    const opened = findEvent(bundle, "run-opened", id);
    const document = opened && bundle.document<RunDocument>("run", String(opened.predicate.detail?.document));
    if (opened === undefined || document === undefined) continue;
    const closed = findEvent(bundle, "run-closed", id);
    runs.push({
      id,
      opened,
      closed,
      document,
      runbook: bundle.document("runbook", document.runbook.digest),
      engagement: bundle.document("engagement", document.engagement.digest),
      principals: bundle.document("principals", document.principals),
      policies: bundle.document("policies", document.policies),
      lock: bundle.document("catalog-lock", document.catalogLock),
      receipts: bundle.streams.get(`run:${id}`) ?? [],
    });
  }
  return runs;
}

/** The receipt of an event about a run, in an engagement's stream. */
export function findEvent(
  bundle: Bundle,
  event: "run-opened" | "run-closed",
  run: string,
): Receipt | undefined {
  return bundle.runEvents.get(`${event} ${run}`);
}

/** Without a readable claim, what could have been claimed, so that all that is wrong gets reported. */
function runsOpenedWithDocument(bundle: Bundle): string[] {
  return bundle.receipts
    .filter(({ predicate }) => predicate.event === "run-opened")
    .filter(({ predicate }) => bundle.document("run", String(predicate.detail?.document)) !== undefined)
    .map(({ predicate }) => String(predicate.detail?.run));
}
