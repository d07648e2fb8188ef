import type { Artifact } from "../contract/artifact.ts";
import { type ArtifactStates, startArtifactStates } from "../gate/evidence-state.ts";
import { engagementStream, runStream } from "../ledger/streams.ts";
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
  const receipts = lane.store.receipts(stream);
  const states = followEvidence(run, [...lane.store.receipts(runStream(run)), ...receipts]);
  return { run, engagement, stream, head, states };
}

/**
 * What became of a run's artifacts as far as these receipts tell; those of other streams are passed over. Only what a receipt
 * binds is an artifact to a verifier, and so it is here.
 *
 * @param receipts of the run's stream and of its engagement's.
 */
export function followEvidence(run: string, receipts: readonly StoredReceipt[]): ArtifactStates {
  const own = receipts.filter(({ stream }) => stream === runStream(run));
  const states = startArtifactStates(
    own.flatMap(({ payload }) => readReceipt(payload).predicate.artifacts ?? []),
  );
  for (const { stream, event, payload, digest } of receipts) {
    if (!event.startsWith("artifact-") || !stream.startsWith("engagement:")) continue;
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
