import type { ArtifactState } from "../gate/evidence-state.ts";
import { artifactPath, type Bundle } from "./bundle.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import { type Evidence, lifecycleReceipts } from "./evidence.ts";
import type { EvidenceReport, SealedReport } from "./report.ts";

/** What a reader should know of the evidence: sealed, retired, quarantined, held, released, redacted. */
export function evidenceReport(
  bundle: Bundle,
  runs: readonly ClaimedRun[],
  evidence: Evidence,
  sealed: readonly SealedReport[],
): EvidenceReport {
  const states = runs.flatMap(({ id }) => evidence.all(id));
  const receipts = runs.flatMap((run) => lifecycleReceipts(bundle, run)).map(({ predicate }) => predicate);
  return {
    sealed,
    retired: states.flatMap(({ artifact: { id, digest }, retired }) =>
      retired === undefined ? [] : [{ artifact: id, digest, ...retired }],
    ),
    quarantined: states
      .filter(({ sensitivity, retired }) => sensitivity === undefined && retired === undefined)
      .map(({ artifact }) => artifact.id),
    carried: carriedBytes(bundle, states),
    held: states
      .filter(({ holds }) => holds.size > 0)
      .map(({ artifact, holds }) => ({ artifact: artifact.id, holds: holds.size })),
    released: receipts
      .filter(({ event }) => event === "artifact-released")
      .map(({ detail, actor, time }) => ({
        artifact: String(detail?.artifact),
        recipient: String(detail?.recipient),
        commitment: String(detail?.commitment),
        by: actor.principal,
        at: time.claimedUtc,
        ...(typeof detail?.reason === "string" ? { reason: detail.reason } : {}),
      })),
    redacted: receipts
      .filter(({ event }) => event === "artifact-redacted")
      .flatMap(({ artifacts = [], actor }) =>
        artifacts.map(({ id, derivedFrom = "" }) => ({ artifact: id, derivedFrom, by: actor.principal })),
      ),
  };
}

/** Bytes of retired and quarantined artifacts that the bundle has and that no other artifact needs. */
function carriedBytes(bundle: Bundle, states: readonly ArtifactState[]): EvidenceReport["carried"] {
  const isGone = ({ retired, sensitivity }: ArtifactState): boolean =>
    retired !== undefined || sensitivity === undefined;
  const needed = new Set(states.filter((state) => !isGone(state)).map(({ artifact }) => artifact.digest));
  return states
    .filter((state) => isGone(state) && !needed.has(state.artifact.digest))
    .filter(({ artifact: { digest } }) => bundle.listed.get(artifactPath(digest))?.digest === digest)
    .map(({ artifact: { id, digest }, retired }) => ({
      artifact: id,
      digest,
      although: retired === undefined ? "quarantined" : "retired",
    }));
}
