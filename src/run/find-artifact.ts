import type { Artifact } from "../contract/artifact.ts";
import { type ArtifactStates, startArtifactStates } from "../gate/evidence-state.ts";
import { engagementStream } from "../ledger/streams.ts";
import { readReceipt } from "../receipt/read-receipt.ts";
import type { Lane } from "./lane.ts";
import { RunError } from "./run-error.ts";
import type { Head, StoredReceipt } from "./store.ts";

/** The artifacts of a run, with what was done to them so far. */
export interface RunEvidence {
  readonly run: string;
  readonly engagement: string;
  readonly stream: string;
  /** The head of the engagement's stream that the states follow from. */
  readonly head: Head | "empty";
  readonly states: ArtifactStates;
}

/** Reads what became of a run's artifacts from the receipts of its engagement. @throws RunError `RUN_UNKNOWN`. */
export function readEvidence(lane: Pick<Lane, "store" | "states">, run: string): RunEvidence {
  const engagement = lane.states.load(run).document.engagement.id;
  const stream = engagementStream(engagement);
  const head = lane.store.head(stream) ?? "empty";
  const states = followEvidence(lane, run, lane.store.receipts(stream));
  return { run, engagement, stream, head, states };
}

/** What became of a run's artifacts as far as these receipts of its engagement tell; others are passed over. */
export function followEvidence(
  lane: Pick<Lane, "store">,
  run: string,
  receipts: readonly StoredReceipt[],
): ArtifactStates {
  const states = startArtifactStates(lane.store.artifacts(run).map(({ artifact }) => artifact));
  for (const { event, payload, digest } of receipts) {
    if (!event.startsWith("artifact-") || event === "artifact-imported") continue;
    const { predicate } = readReceipt(payload);
    if (predicate.run === run) states.follow({ digest, predicate });
  }
  return states;
}

/** The run of an artifact: the first part of its id. @throws RunError `ARTIFACT_UNKNOWN`. */
export function runOfArtifact(lane: Pick<Lane, "store">, id: string): { run: string; artifact: Artifact } {
  const run = id.split("/")[0] ?? "";
  const row = lane.store.artifacts(run).find(({ artifact }) => artifact.id === id);
  if (row === undefined) {
    throw new RunError({
      code: "ARTIFACT_UNKNOWN",
      message: `there is no artifact \`${id}\``,
      hint: "witnessops artifact list",
    });
  }
  return { run, artifact: row.artifact };
}
