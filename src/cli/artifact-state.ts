import type { ArtifactState } from "../gate/evidence-state.ts";

/** What became of an artifact so far, in a word. */
export function artifactState({ artifact, sensitivity, holds, retired }: ArtifactState): string {
  if (retired !== undefined) return "retired";
  if (holds.size > 0) return "on hold";
  if (sensitivity === undefined) return "quarantined";
  return artifact.sealed === undefined ? "kept" : "sealed";
}
