import type { CapturedArtifact } from "../evidence/capture.ts";
import type { Digest } from "../format/digest.ts";
import type { Lane } from "./lane.ts";
import { removeRetired } from "./remove-retired.ts";

/**
 * Removes what was captured and then not recorded: nothing would ever retire it. By the way of retired bytes, so that
 * bytes which another artifact has stay, and a process that dies in between leaves the rest to the next one.
 */
export async function discardBytes(lane: Lane, { artifact, inline }: CapturedArtifact): Promise<void> {
  // What is small never left memory.
  if (inline !== undefined) return;
  // A commit that failed may have been made all the same.
  const run = artifact.id.split("/")[0] ?? "";
  if (lane.store.artifacts(run).some((row) => row.artifact.id === artifact.id)) return;
  await lane.store.commit({ retire: { artifact: artifact.id, digest: artifact.digest as Digest } });
  await removeRetired(lane);
}
