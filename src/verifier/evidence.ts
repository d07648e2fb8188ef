import type { Artifact } from "../contract/artifact.ts";
import { type ArtifactState, type ArtifactStates, startArtifactStates } from "../gate/evidence-state.ts";
import type { Bundle } from "./bundle.ts";
import type { ClaimedRun } from "./claimed-runs.ts";
import type { Receipt } from "./read-receipts.ts";

/** What the bundle's receipts say of the artifacts of its claimed runs, in the end. Nothing of it is believed yet. */
export interface Evidence {
  /** The state of an artifact of a run. */
  state(run: string, artifact: Pick<Artifact, "id" | "digest">): ArtifactState | undefined;
  /** The states of all artifacts of a run, in the order in which they were bound. */
  all(run: string): readonly ArtifactState[];
  /** Whether an artifact's file may be absent: it was retired, or nobody has classified it. */
  isExcused(run: string, artifact: Pick<Artifact, "id" | "digest">): boolean;
}

/** Follows what was done to the artifacts of each claimed run (`spec/lifecycle.md`). */
export function evidenceOf(bundle: Bundle, runs: readonly ClaimedRun[]): Evidence {
  const states = new Map<string, ArtifactStates>();
  for (const run of runs) {
    const followed = startArtifactStates(boundBy(run));
    for (const receipt of lifecycleReceipts(bundle, run)) followed.follow(receipt);
    states.set(run.id, followed);
  }
  const stateOf: Evidence["state"] = (run, { id, digest }) => {
    const state = states.get(run)?.get(id);
    return state?.artifact.digest === digest ? state : undefined;
  };
  return {
    state: stateOf,
    all: (run) => states.get(run)?.all() ?? [],
    isExcused(run, artifact) {
      const state = stateOf(run, artifact);
      return state !== undefined && (state.retired !== undefined || state.sensitivity === undefined);
    },
  };
}

/** The artifacts that a run's own stream binds. */
export function boundBy(run: ClaimedRun): Artifact[] {
  return run.receipts.flatMap(({ predicate }) => predicate.artifacts ?? []);
}

/** What was done to the artifacts of a run afterwards, in the order of its engagement's stream. */
export function lifecycleReceipts(bundle: Bundle, run: ClaimedRun): readonly Receipt[] {
  return bundle.lifecycle.get(`engagement:${run.document.engagement.id} ${run.id}`) ?? [];
}
